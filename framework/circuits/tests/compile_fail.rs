//! Wrong handlers give our own compiler message; the golden files beside the cases hold it.

#[test]
fn wrong_handlers_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/handler_errors/*.rs");
}
