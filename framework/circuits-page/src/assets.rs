//! The files that the page is made of.

/// A file of the page.
pub(crate) struct Asset {
    pub(crate) path: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) content: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! asset {
    ($kind:ident, $name:literal) => {
        Asset {
            path: concat!("/assets/", $name),
            kind: $kind,
            content: include_str!(concat!("../assets/", $name)),
        }
    };
}

/// Each file with its path.
pub(crate) const ASSETS: &[Asset] = &[
    Asset { path: "/", kind: HTML, content: include_str!("../assets/index.html") },
    asset!(CSS, "page.css"),
    asset!(SVG, "icon.svg"),
    asset!(SCRIPT, "actions.js"),
    asset!(SCRIPT, "api.js"),
    asset!(SCRIPT, "app.js"),
    asset!(SCRIPT, "chart.js"),
    asset!(SCRIPT, "dom.js"),
    asset!(SCRIPT, "failures.js"),
    asset!(SCRIPT, "format.js"),
    asset!(SCRIPT, "live.js"),
    asset!(SCRIPT, "login.js"),
    asset!(SCRIPT, "now.js"),
    asset!(SCRIPT, "runner.js"),
    asset!(SCRIPT, "steer.js"),
    asset!(SCRIPT, "story.js"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What the whole page may weigh, in bytes.
    const LIMIT: usize = 200_000;

    #[test]
    fn every_file_is_served_and_all_of_them_are_small() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
        let mut there: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let name = |asset: &Asset| match asset.path.strip_prefix("/assets/") {
            Some(name) => name.to_owned(),
            None => "index.html".to_owned(),
        };
        let mut served: Vec<_> = ASSETS.iter().map(name).collect();
        there.sort();
        served.sort();
        assert_eq!(there, served);
        assert!(ASSETS.iter().map(|asset| asset.content.len()).sum::<usize>() < LIMIT);
    }

    #[test]
    fn no_file_parses_markup_and_none_brings_script_or_style_inline() {
        for asset in ASSETS {
            let banned: &[&str] = match asset.kind {
                SCRIPT => &[
                    "innerHTML",
                    "outerHTML =",
                    "insertAdjacentHTML",
                    "document.write",
                    "DOMParser",
                    "eval(",
                    "Function(",
                    "javascript:",
                    "\"style\"",
                    "://",
                ],
                HTML => &["<script>", "<style", "style=", "onclick", "onload", "://"],
                _ => &["@import", "url("],
            };
            // The name of a vocabulary, which nothing fetches.
            let content = asset.content.replace("http://www.w3.org/2000/svg", "");
            for word in banned {
                assert!(!content.contains(word), "{}: {word}", asset.path);
            }
        }
    }

    #[test]
    fn every_module_that_a_file_imports_is_served() {
        for asset in ASSETS.iter().filter(|asset| asset.kind == SCRIPT) {
            for line in asset.content.lines().filter(|line| line.starts_with("import ")) {
                let name = line.split("\"./").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
                let path = format!("/assets/{name}");
                assert!(ASSETS.iter().any(|asset| asset.path == path), "{}: {line}", asset.path);
            }
        }
    }
}
