//! Tables about what is installed: by distributions' package managers, by languages', as browsers' and editors'
//! extensions. What several of them share: [`place`] (where is looked), [`glob`], and readers of file formats.

pub mod apt_sources;
pub mod deb_package_files;
pub mod deb_packages;
pub mod glob;
pub mod ini;
pub mod npm_packages;
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
pub mod yum_sources;
