//! The STOMP session on ActiveMQ.

use circuits_tests::broker::Kind;

circuits_tests::session_suite!(Kind::ActiveMq);
