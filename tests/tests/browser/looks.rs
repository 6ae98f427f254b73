//! How it looks and how it is built: narrow windows, dark and light, names and headings for those who hear the page.

use serde_json::json;

use crate::desk::Desk;
use crate::safety::VIEWS;

/// Texts with less contrast than WCAG AA asks for (4.5), as the browser draws them.
const FAINT: &str = r"
    const parse = (text) => text.match(/[\d.]+/g).map(Number);
    const light = (rgb) => rgb.slice(0, 3).map((one) => one / 255)
        .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
        .reduce((all, one, at) => all + one * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const colour = parse(getComputedStyle(node).backgroundColor);
            if (colour.length === 3 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
    };
    const own = (node) => [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    return [...document.querySelectorAll('body *')].filter((node) => own(node) && node.checkVisibility()).flatMap((node) => {
        const style = getComputedStyle(node);
        const front = node instanceof SVGElement ? style.fill : style.color;
        const [a, b] = [light(parse(front)), light(behind(node))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        return contrast < 4.5 ? [`${node.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`] : [];
    });";

/// What a screen reader would stumble over.
const NAMELESS: &str = r"
    const wrong = [];
    const all = (what) => [...document.querySelectorAll(what)].filter((node) => node.checkVisibility());
    if (all('h1').length !== 1) wrong.push(`${all('h1').length} first headings`);
    for (const one of all('input, select')) if (!one.labels.length) wrong.push(`no label: ${one.outerHTML}`);
    for (const one of all('button, a')) if (!one.textContent.trim()) wrong.push(`no name: ${one.outerHTML}`);
    for (const one of all('table')) {
        if (!one.caption?.textContent) wrong.push('a table without a caption');
        if ([...one.querySelectorAll('thead th')].some((head) => head.scope !== 'col')) wrong.push('a heading of no column');
    }
    for (const one of all('section')) {
        if (!document.getElementById(one.getAttribute('aria-labelledby'))) wrong.push(`no name: section ${one.id}`);
    }
    for (const one of all('svg')) if (one.getAttribute('role') !== 'img') wrong.push('a drawing without a role');
    const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
    wrong.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `twice: ${id}`));
    return wrong;";

/// A desk with something in every view: actions that completed, failed, run and wait, and long words.
async fn busy() -> Desk {
    let desk = Desk::of_ann().await;
    let long = "https://tickets.example.com/".to_owned() + &"a".repeat(300);
    for rule in ["Fail", "Echo", "Look"] {
        let (_, id) = desk.fire_on(rule, &long).await;
        desk.it.world.settled(id).await;
    }
    desk.begin("Slow", "slowly").await;
    desk.browser.client.refresh().await.unwrap();
    desk.browser.sees_in("#actions", "Slow").await;
    desk
}

async fn open(desk: &Desk, view: &str, part: &str) {
    desk.browser.go(view).await;
    desk.browser.until("document.querySelector(arguments[0])", &[part.into()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_360_pixels_never_scrolls_sideways() {
    let desk = busy().await;
    desk.browser.width(360).await;
    for (view, part) in VIEWS {
        open(&desk, view, part).await;
        let widths =
            desk.browser.script("return [document.documentElement.scrollWidth, innerWidth]", &[]).await;
        assert_eq!(widths, json!([360, 360]), "{view}");
    }
    open(&desk, "#/", "#destinations button").await;
    desk.browser.press("Pause").await;
    let inside = "const box = document.querySelector('dialog[open]').getBoundingClientRect();
                  return box.left >= 0 && box.right <= innerWidth";
    assert_eq!(desk.browser.script(inside, &[]).await, true);
    desk.browser.press("Cancel").await;
    desk.browser.press("Log out").await;
    desk.browser.sees("You are logged out.").await;
    let widths = desk.browser.script("return [document.documentElement.scrollWidth, innerWidth]", &[]).await;
    assert_eq!(widths, json!([360, 360]), "the login");
    desk.let_go();
}

#[tokio::test(flavor = "multi_thread")]
async fn dark_and_light_follow_the_user_and_every_text_can_be_read() {
    let desk = busy().await;
    let mut backs = Vec::new();
    for scheme in ["dark", "light"] {
        desk.browser.prefer(scheme).await;
        for (view, part) in VIEWS {
            open(&desk, view, part).await;
            assert_eq!(desk.browser.script(FAINT, &[]).await, json!([]), "{scheme} {view}");
        }
        backs.push(desk.browser.script("return getComputedStyle(document.body).backgroundColor", &[]).await);
    }
    assert_ne!(backs[0], backs[1]);
    desk.let_go();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_control_table_and_part_has_a_name_for_those_who_hear_the_page() {
    let desk = busy().await;
    for (view, part) in VIEWS {
        open(&desk, view, part).await;
        assert_eq!(desk.browser.script(NAMELESS, &[]).await, json!([]), "{view}");
    }
    let browser = &desk.browser;
    assert_eq!(browser.script("return document.documentElement.lang", &[]).await, "en");
    assert_eq!(browser.script("return document.querySelectorAll('main, header, nav').length", &[]).await, 3);
    // A change of the view is heard: the focus goes to its content, and the title says which it is.
    browser.press("Failures").await;
    browser
        .until("document.activeElement.id === 'main' && document.title === 'Failures · circuits'", &[])
        .await;
    // Times are local, with the UTC time at hand.
    browser.go("#/actions/1").await;
    browser.until("document.querySelector('main time')?.title.endsWith('Z UTC')", &[]).await;
    desk.let_go();
}
