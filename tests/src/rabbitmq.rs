//! A private RabbitMQ (Debian package `rabbitmq-server`) with its STOMP plugin over TLS, and its own port mapper.

use std::path::Path;
use std::process::Command;

use crate::broker::USER;
use crate::certs::Certificate;
use crate::process::free_ports;

/// The server itself, not the script on the PATH, which changes to another user.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// The file with the port of the port mapper.
const MAPPER: &str = "mapper.port";

/// Brings queue declarations to disk. RabbitMQ 3.10 confirms messages as soon as they are on disk, but keeps the declaration
/// of their queue in memory for up to two seconds more (Mnesia's transaction log). If it is killed before that, it forgets
/// the queue with all its messages. Queues in production are older than that.
pub(crate) fn sync_declarations(directory: &Path, tls_port: u16) {
    let base = directory.join("rabbitmq");
    let sync = format!("ok = rpc:call('t{tls_port}@localhost', mnesia, sync_log, []), halt(0).");
    let output = Command::new("erl")
        .args(["-noinput", "-hidden", "-sname", &format!("sync{tls_port}@localhost"), "-eval", &sync])
        .env("HOME", &base)
        .env("ERL_EPMD_PORT", std::fs::read_to_string(base.join(MAPPER)).unwrap())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .output()
        .unwrap();
    assert!(output.status.success(), "mnesia:sync_log failed: {output:?}");
}

/// Writes the configuration below `directory` and returns the command that starts the broker in the foreground.
pub(crate) fn command(
    directory: &Path,
    certificate: &Certificate,
    ca: &Path,
    password: &str,
    tls_port: u16,
) -> Command {
    assert!(Path::new(SERVER).exists(), "RabbitMQ is not installed: apt-get install rabbitmq-server");
    let base = directory.join("rabbitmq");
    std::fs::create_dir_all(&base).unwrap();
    let [distribution, mapper] = free_ports();
    std::fs::write(base.join("rabbitmq.conf"), conf(certificate, ca, password, tls_port)).unwrap();
    std::fs::write(base.join("enabled_plugins"), "[rabbitmq_stomp].\n").unwrap();
    std::fs::write(base.join(MAPPER), mapper.to_string()).unwrap();
    // RabbitMQ would start the port mapper as a daemon that outlives it, but uses one that is already running.
    let mut command = Command::new("sh");
    command
        .args(["-c", "epmd -port \"$ERL_EPMD_PORT\" -address 127.0.0.1 & exec \"$0\"", SERVER])
        .env("HOME", &base)
        .env("RABBITMQ_NODENAME", format!("t{tls_port}@localhost"))
        .env("RABBITMQ_MNESIA_BASE", base.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", base.join("log"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_CONFIG_FILE", base.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", base.join("enabled_plugins"))
        .env("RABBITMQ_PID_FILE", base.join("pid"))
        .env("RABBITMQ_GENERATED_CONFIG_DIR", base.join("generated"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        .env("ERL_EPMD_PORT", mapper.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}");
    command
}

fn conf(certificate: &Certificate, ca: &Path, password: &str, tls_port: u16) -> String {
    // This version confuses read and write permissions, so the account gets both.
    let areas = "^(actions[.][0-9]+[.](probe|bench[0-9]+|circuits_selftest)$|acks[.]|test[.]|circuits[.])";
    format!(
        "listeners.tcp = none\n\
         stomp.listeners.tcp = none\n\
         stomp.listeners.ssl.1 = 127.0.0.1:{tls_port}\n\
         ssl_options.cacertfile = {}\n\
         ssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\n\
         default_user = {USER}\n\
         default_pass = {password}\n\
         default_permissions.configure = {areas}\n\
         default_permissions.read = {areas}|^amq[.]default$\n\
         default_permissions.write = {areas}|^amq[.]default$\n",
        ca.display(),
        certificate.cert.display(),
        certificate.key.display(),
    )
}
