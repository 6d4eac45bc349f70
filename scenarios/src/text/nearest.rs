//! Misspelt names answered with the nearest known one.

/// The known name nearest to `name`, if it is near enough to be meant: at most one edit in three characters.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// A hint for an unknown name: the nearest known one, or all there are.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return "there is none to name".to_owned();
    }
    let listed: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("known: {}", listed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_listed() {
        let known = ["mobilenet_v2", "resnet50", "gpu"];
        assert_eq!(nearest("mobilnet_v2", known), Some("mobilenet_v2"));
        assert_eq!(nearest("MobileNet_V2", known), Some("mobilenet_v2"));
        assert_eq!(nearest("gup", known), Some("gpu"));
        assert_eq!(nearest("transformer", known), None);
        assert_eq!(suggestion("resnet", ["resnet50"]), "did you mean `resnet50`?");
        assert_eq!(suggestion("x", ["resnet50", "vgg16"]), "known: `resnet50`, `vgg16`");
    }
}
