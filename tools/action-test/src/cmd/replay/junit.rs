//! The report of a replay in the format of JUnit.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Replayed;
use crate::exit::Ended;
use crate::show;

pub(super) fn report(folder: &str, done: &[Replayed], took: Duration) -> Report {
    let mut report = Report::new("action-test replay");
    report.set_time(took);
    let mut suite = TestSuite::new(folder);
    for one in done {
        let status = match one.ended() {
            Ended::Completed => TestCaseStatus::success(),
            ended => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(show::text(&one.told)).set_type(ended.name());
                status
            }
        };
        let mut case = TestCase::new(&one.name, status);
        case.set_classname(&one.destination).set_time(one.told.took);
        suite.add_test_case(case);
    }
    report.add_test_suite(suite);
    report
}
