//! The STOMP session on RabbitMQ.

use circuits_tests::broker::Kind;

circuits_tests::session_suite!(Kind::RabbitMq);
