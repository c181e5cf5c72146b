//! The cache against a model without arena, hash or links: a vector of all images there ever were, and two more vectors
//! for the order of use. Capacities from 2 to 16, so that it is full nearly always; after each step everything is
//! compared: contents, children, both lists in both directions, the hash, the free list.

use super::*;
use crate::lineage::tests::Seeded;
use crate::store::row::Link;
use std::collections::BTreeMap;

/// An image, there or gone; named by its place in [`Model::images`].
#[derive(Clone, Debug)]
struct Image {
    idx: Idx,
    pid: u32,
    parent: Option<usize>,
    parent_row: RowId,
    end_ns: i64,
    current: bool,
    awaiting: bool,
    /// Read from /proc, and nothing since.
    shown: bool,
    there: bool,
}

#[derive(Default)]
struct Model {
    images: Vec<Image>,
    /// Oldest first.
    living: Vec<usize>,
    ended: Vec<usize>,
    evictions: u64,
    expired: u64,
}

impl Model {
    fn children(&self, image: usize) -> usize {
        self.images.iter().filter(|other| other.there && other.parent == Some(image)).count()
    }

    fn over(&self, image: usize) -> bool {
        let Image { end_ns, current, awaiting, .. } = self.images[image];
        (end_ns != 0 || !current) && !awaiting && self.children(image) == 0
    }

    fn forget(&mut self, image: usize) {
        self.living.retain(|&other| other != image);
        self.ended.retain(|&other| other != image);
    }

    fn settle(&mut self, image: usize) {
        if !self.images[image].there {
            return;
        }
        match (self.over(image), self.images[image].current) {
            (true, false) => self.remove(image),
            (true, true) if !self.ended.contains(&image) => {
                self.forget(image);
                self.ended.push(image);
            }
            (false, _) if !self.living.contains(&image) => {
                self.forget(image);
                self.living.push(image);
            }
            _ => {}
        }
    }

    fn remove(&mut self, image: usize) {
        self.forget(image);
        self.images[image].there = false;
        if let Some(parent) = self.images[image].parent.filter(|&parent| self.over(parent)) {
            self.settle(parent);
        }
    }

    /// The order in which it is said to go.
    fn victim(&self, keep: Option<usize>, capacity: usize) -> Option<usize> {
        let living = || self.living.iter().copied().filter(|&image| Some(image) != keep);
        let leaf = |image: &usize| self.children(*image) == 0 && !self.images[*image].awaiting;
        let idle = |image: &usize| {
            let Image { shown, current, end_ns, .. } = self.images[*image];
            shown && current && end_ns == 0 && leaf(image)
        };
        let past = |image: &usize| {
            let Image { current, awaiting, end_ns, .. } = self.images[*image];
            self.children(*image) > 0 && !awaiting && (end_ns != 0 || !current)
        };
        let ended = || self.ended.iter().copied().find(|&image| Some(image) != keep);
        let many_ended = self.ended.len() > capacity / 4;
        living()
            .next()
            .filter(idle)
            .or_else(|| ended().filter(|_| many_ended))
            .or_else(|| living().find(past))
            .or_else(ended)
            .or_else(|| living().find(leaf))
            .or_else(|| living().next())
    }

    fn current(&self, pid: u32) -> Option<usize> {
        self.images.iter().position(|image| image.there && image.pid == pid && image.current)
    }

    fn there(&self) -> Vec<usize> {
        (0..self.images.len()).filter(|&image| self.images[image].there).collect()
    }
}

struct Pair {
    cache: Cache,
    model: Model,
    random: Seeded,
    now_ns: i64,
}

impl Pair {
    fn any(&mut self) -> Option<usize> {
        let there = self.model.there();
        (!there.is_empty()).then(|| there[self.random.below(there.len())])
    }

    fn idx(&self, image: Option<usize>) -> Idx {
        image.map_or(NONE, |image| self.model.images[image].idx)
    }

    fn evict(&mut self, image: usize) {
        let row = RowId(image as u32 + 1);
        self.cache.evict(self.idx(Some(image)), row);
        for child in self.model.images.iter_mut().filter(|other| other.there && other.parent == Some(image)) {
            (child.parent, child.parent_row) = (None, row);
        }
        self.model.remove(image);
        self.model.evictions += 1;
    }

    /// As the tracker does it: the parent is held by one child more than it has while room is made.
    fn insert(&mut self, pid: u32, parent: Option<usize>) {
        let keep = self.idx(parent);
        self.cache.at_mut(keep).children += 1;
        while !self.cache.has_room() {
            let Some(victim) = self.model.victim(parent, self.cache.capacity()) else { break };
            assert_eq!(self.cache.victim(keep), self.idx(Some(victim)));
            self.check_order(victim, parent);
            // Held in the model as well: a child that is no image.
            let held = Image { parent, ..self.image(0, NONE) };
            self.model.images.push(held);
            self.evict(victim);
            self.model.images.pop();
        }
        let held = self.cache.at_mut(keep);
        held.children = held.children.saturating_sub(1);
        let shown = self.random.below(3) == 0;
        let link = if shown { Link::Procfs } else { Link::Connector };
        let idx = self.cache.insert(Node { pid, parent: keep, flags: CURRENT, link, ..Node::default() });
        assert!(idx.is_some(), "room was made");
        let image = Image { pid, parent, shown, ..self.image(pid, idx) };
        self.model.images.push(image);
        if let Some(parent) = parent {
            self.model.settle(parent);
        }
        self.model.living.push(self.model.images.len() - 1);
    }

    fn image(&self, pid: u32, idx: Idx) -> Image {
        let parent_row = RowId::NONE;
        let (current, there) = (true, true);
        Image { idx, pid, parent: None, parent_row, end_ns: 0, current, awaiting: false, shown: false, there }
    }

    /// A living ancestor goes before its descendants only if there is no leaf that could go: one chain fills the cache, or
    /// what hangs on it awaits its event. One that is past may go: its children keep its row.
    fn check_order(&self, victim: usize, keep: Option<usize>) {
        let Model { images, living, ended, .. } = &self.model;
        let Image { current, end_ns, .. } = images[victim];
        if self.model.children(victim) > 0 && current && end_ns == 0 {
            assert!(ended.iter().all(|&image| Some(image) == keep));
            let stays =
                |&image: &usize| Some(image) == keep || images[image].awaiting || self.model.children(image) > 0;
            assert!(living.iter().all(stays), "a leaf goes before an ancestor");
        }
    }

    fn step(&mut self) {
        self.now_ns += 1;
        let pid = 1 + self.random.below(6) as u32;
        match self.random.below(12) {
            0..4 => {
                let parent = if self.random.below(8) == 0 { None } else { self.any() };
                // Only who holds a pid forks, and nobody else holds the new one's.
                let parent = parent.filter(|&parent| self.model.images[parent].current);
                let parent = parent.filter(|&parent| self.model.images[parent].pid != pid);
                self.retire(pid);
                self.insert(pid, parent.filter(|&parent| self.model.images[parent].there));
            }
            4 => self.retire(pid),
            5 | 6 => {
                let image = self.any();
                self.touch(image);
            }
            7 | 8 => self.change(|image, now_ns| image.end_ns = if image.end_ns == 0 { now_ns } else { 0 }),
            9 => self.change(|image, _| image.awaiting = !image.awaiting),
            10 => {
                let (before_ns, most) = (self.now_ns - self.random.below(20) as i64, self.random.below(4));
                let gone = self.cache.expire(before_ns, most);
                for round in 0..=most {
                    let oldest = self.model.ended.first().copied();
                    match oldest.filter(|&image| round < most && self.model.images[image].end_ns <= before_ns) {
                        Some(image) => self.model.remove(image),
                        None => {
                            assert_eq!(gone, round);
                            break;
                        }
                    }
                }
                self.model.expired += gone as u64;
            }
            _ => {
                let keep = self.any();
                let victim = self.model.victim(keep, self.cache.capacity());
                assert_eq!(self.cache.victim(self.idx(keep)), self.idx(victim));
                if let Some(victim) = victim {
                    self.evict(victim);
                }
            }
        }
    }

    fn touch(&mut self, image: Option<usize>) {
        let depth = self.cache.touch(self.idx(image));
        let chain: Vec<_> = std::iter::successors(image, |&at| self.model.images[at].parent).collect();
        assert_eq!(depth, chain.len());
        for at in chain {
            if self.model.living.contains(&at) {
                self.model.forget(at);
                self.model.living.push(at);
            }
        }
    }

    fn retire(&mut self, pid: u32) {
        assert_eq!(self.cache.current(pid), self.idx(self.model.current(pid)));
        if let Some(image) = self.model.current(pid) {
            let idx = self.idx(Some(image));
            self.cache.at_mut(idx).flags &= !CURRENT;
            self.model.images[image].current = false;
            self.cache.settle(idx);
            self.model.settle(image);
        }
    }

    fn change(&mut self, change: impl Fn(&mut Image, i64)) {
        let Some(image) = self.any() else { return };
        change(&mut self.model.images[image], self.now_ns);
        let Image { idx, end_ns, awaiting, .. } = self.model.images[image];
        let node = self.cache.at_mut(idx);
        node.end_ns = end_ns;
        node.flags = if awaiting { node.flags | AWAITING } else { node.flags & !AWAITING };
        self.cache.settle(idx);
        self.model.settle(image);
    }

    fn compare(&self) {
        let (cache, model) = (&self.cache, &self.model);
        let there = model.there();
        assert_eq!(cache.size(), there.len());
        assert_eq!((cache.counters.evictions, cache.counters.expired), (model.evictions, model.expired));
        assert_eq!(cache.iter().count(), there.len());
        let place: BTreeMap<Idx, usize> = there.iter().map(|&image| (model.images[image].idx, image)).collect();
        assert_eq!(place.len(), there.len());
        for (idx, node) in cache.iter() {
            let image = place[&idx];
            let Image { pid, parent, parent_row, end_ns, current, awaiting, .. } = model.images[image];
            assert_eq!((node.pid, node.end_ns, node.parent_row), (pid, end_ns, parent_row));
            assert_eq!((node.is(CURRENT), node.is(AWAITING)), (current, awaiting));
            assert_eq!(node.parent, self.idx(parent));
            assert_eq!(node.children as usize, model.children(image));
            assert!(!model.over(image) || current, "what nobody can ask for again has left");
        }
        for pid in 0..8 {
            let newest: Vec<_> = there.iter().rev().copied().filter(|&i| model.images[i].pid == pid).collect();
            let found: Vec<_> = cache.images(pid).map(|(idx, _)| place[&idx]).collect();
            assert_eq!(found, newest, "images of {pid}, newest first");
        }
        self.compare_list(LIVING, &model.living, &place);
        self.compare_list(ENDED, &model.ended, &place);
        self.check_free();
    }

    fn compare_list(&self, list: usize, wanted: &[usize], place: &BTreeMap<Idx, usize>) {
        let List { oldest, newest, length } = self.cache.lists[list];
        assert_eq!(length, wanted.len());
        let walk = |from: Idx, next: fn(&Node) -> Idx| -> Vec<usize> {
            let next = |&idx: &Idx| Some(next(self.cache.at(idx))).filter(|idx| idx.is_some());
            let start = Some(from).filter(|idx| idx.is_some());
            std::iter::successors(start, next).take(length + 1).map(|idx| place[&idx]).collect()
        };
        assert_eq!(walk(oldest, |node| node.newer), wanted);
        let back: Vec<_> = wanted.iter().rev().copied().collect();
        assert_eq!(walk(newest, |node| node.older), back);
        assert!(wanted.iter().all(|&image| usize::from(self.cache.at(self.idx(Some(image))).list) == list));
    }

    /// Whatever is not in use is free, once; nothing was written to the node that stands for none.
    fn check_free(&self) {
        let mut free: Vec<Idx> = Vec::new();
        let mut next = self.cache.free;
        while next.is_some() && free.len() <= self.cache.capacity() {
            assert!(!self.cache.at(next).is(USED) && !free.contains(&next));
            free.push(next);
            next = self.cache.at(next).older;
        }
        assert_eq!(free.len(), self.cache.capacity() - self.cache.size());
        assert_eq!(format!("{:?}", self.cache.nodes[0]), format!("{:?}", Node::default()));
        let hung: usize = (0..self.cache.buckets.len()).map(|bucket| self.in_bucket(bucket)).sum();
        assert_eq!(hung, self.cache.size());
    }

    fn in_bucket(&self, bucket: usize) -> usize {
        let (mut at, mut count) = (self.cache.buckets[bucket], 0);
        while at.is_some() {
            assert_eq!(self.cache.bucket(self.cache.at(at).pid), bucket);
            at = self.cache.at(at).same_bucket;
            count += 1;
            assert!(count <= self.cache.capacity(), "a bucket goes round");
        }
        count
    }
}

#[test]
fn tiny_caches_are_what_the_unbounded_model_says() {
    for seed in 0..60 {
        let capacity = 2 + seed as usize % 15;
        let (cache, random) = (Cache::new(capacity), Seeded::new(seed));
        let mut pair = Pair { cache, model: Model::default(), random, now_ns: 0 };
        for _ in 0..400 {
            pair.step();
            pair.compare();
        }
        assert!(pair.model.evictions > 20 && pair.model.images.len() > 60, "seed {seed} is no exercise");
    }
}

#[test]
fn in_a_chain_longer_than_the_cache_who_has_just_forked_stays() {
    for capacity in 2..=16 {
        let (cache, random) = (Cache::new(capacity), Seeded::new(1));
        let mut pair = Pair { cache, model: Model::default(), random, now_ns: 0 };
        for pid in 1..=40 {
            let forker = pair.model.current(pid - 1);
            pair.touch(forker);
            pair.insert(pid, forker);
            pair.compare();
            let youngest = pair.cache.at(pair.cache.current(pid));
            assert!(pid == 1 || youngest.parent.is_some() && pair.cache.at(youngest.parent).pid == pid - 1);
        }
        assert_eq!(pair.cache.size(), capacity);
    }
}
