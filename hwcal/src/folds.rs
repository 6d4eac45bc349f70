//! Folds of a cross-validation over models: at random, and by whole families.

use std::collections::BTreeMap;

/// Number of folds.
pub const FOLDS: usize = 5;

/// Families of the measured models: the first pattern that a name contains decides; other models are their own family.
const FAMILIES: [&str; 11] = [
    "resnext",
    "resnet",
    "mobilenet",
    "regnet",
    "efficientnet_edge",
    "densenet",
    "proxylessnas",
    "hardnet",
    "hrnet",
    "mnasnet",
    "squeezenet",
];

/// The family of a model, by its name.
pub fn family(model: &str) -> &str {
    FAMILIES.into_iter().find(|pattern| model.contains(pattern)).unwrap_or(model)
}

/// The fold of each of `count` things, dealt after a shuffle.
pub fn deal(count: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut random = SplitMix(seed);
    for last in (1..count).rev() {
        order.swap(last, (random.next() % (last as u64 + 1)) as usize);
    }
    let mut dealt = vec![0; count];
    for (position, index) in order.into_iter().enumerate() {
        dealt[index] = position % folds.max(1);
    }
    dealt
}

/// Fold of each model; models must be sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds(pub Vec<usize>);

impl Folds {
    /// Models dealt to folds after a shuffle.
    pub fn random(models: &[String], seed: u64) -> Self {
        Self(deal(models.len(), FOLDS, seed))
    }

    /// Whole families, the largest first, each to the fold that holds fewest models.
    pub fn by_family(models: &[String]) -> Self {
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        for model in models {
            *sizes.entry(family(model)).or_default() += 1;
        }
        let mut families: Vec<(&str, usize)> = sizes.into_iter().collect();
        families.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        let mut load = [0; FOLDS];
        let mut fold_of: BTreeMap<&str, usize> = BTreeMap::new();
        for (family, size) in families {
            let lightest = (0..FOLDS).min_by_key(|&fold| load[fold]).unwrap_or(0);
            load[lightest] += size;
            fold_of.insert(family, lightest);
        }
        Self(models.iter().map(|model| fold_of[family(model)]).collect())
    }
}

/// Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("model{index:03}")).collect()
    }

    #[test]
    fn random_folds_are_balanced_and_repeatable() {
        let models = names(83);
        let folds = Folds::random(&models, 1);
        assert_eq!(folds, Folds::random(&models, 1));
        assert_ne!(folds, Folds::random(&models, 2));
        for fold in 0..FOLDS {
            let size = folds.0.iter().filter(|&&it| it == fold).count();
            assert!((16..=17).contains(&size));
        }
    }

    #[test]
    fn families_stay_together() {
        let models: Vec<String> = ["mobilenet_w1", "mobilenetv2_w1", "preresnet18", "resnet18", "resnext14_16x4d", "vovnet27s"]
            .map(String::from)
            .into();
        let Folds(folds) = Folds::by_family(&models);
        assert_eq!(folds[0], folds[1]);
        assert_eq!(folds[2], folds[3]);
        assert_ne!(folds[3], folds[4]);
        assert_eq!(family("resnext14_16x4d"), "resnext");
        assert_eq!(family("squeezeresnet_v1_0"), "resnet");
    }

    #[test]
    fn splitmix_gives_its_published_numbers() {
        let mut random = SplitMix(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }
}
