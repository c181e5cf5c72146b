//! Tables about what is installed: by distributions' package managers, by languages', as browsers' and editors'
//! extensions. What several of them share: [`place`] (where is looked), [`glob`], and readers of file formats.

pub mod apk_packages;
pub mod apt_sources;
pub mod busybox_applets;
pub mod chrome;
pub mod chrome_extension_content_scripts;
pub mod chrome_extensions;
pub mod deb_package_files;
pub mod deb_packages;
pub mod firefox_addons;
pub mod glob;
pub mod inflate;
pub mod ini;
pub mod jetbrains_plugins;
pub mod names;
pub mod npm_packages;
pub mod openwrt_config;
pub mod opkg_packages;
pub mod place;
pub mod portage;
pub mod portage_keywords;
pub mod portage_packages;
pub mod portage_use;
pub mod python_packages;
pub mod rpm;
pub mod rpm_package_files;
pub mod rpm_packages;
pub mod sites;
pub mod stanza;
pub mod uci;
pub mod vscode_extensions;
pub mod yum_sources;
pub mod zip;

#[cfg(test)]
mod tests;
