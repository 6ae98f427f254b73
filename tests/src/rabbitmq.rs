//! A private RabbitMQ (Debian package `rabbitmq-server`) with its STOMP plugin over TLS, and a port mapper of its own.

use std::path::Path;
use std::process::Command;

use crate::broker::{PASSWORD, USER};
use crate::certs::ServerCertificate;
use crate::process::{Server, free_ports, stomp_answers};

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub(crate) fn start(directory: &Path, certificate: &ServerCertificate, ca: &Path, tls_port: u16, plain_port: u16) -> Server {
    assert!(Path::new(SERVER).exists(), "RabbitMQ is not installed: apt-get install rabbitmq-server");
    let base = directory.join("rabbitmq");
    std::fs::create_dir_all(&base).unwrap();
    let [dist_port, epmd_port] = free_ports();
    let configuration = base.join("rabbitmq.conf");
    std::fs::write(&configuration, conf(certificate, ca, tls_port, plain_port)).unwrap();
    let plugins = base.join("enabled_plugins");
    std::fs::write(&plugins, "[rabbitmq_stomp].\n").unwrap();
    let mut command = Command::new(SERVER);
    command
        .env("HOME", &base)
        .env("RABBITMQ_NODENAME", format!("t{plain_port}@localhost"))
        .env("RABBITMQ_MNESIA_BASE", base.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", base.join("log"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_CONFIG_FILE", &configuration)
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", &plugins)
        .env("RABBITMQ_PID_FILE", base.join("pid"))
        .env("RABBITMQ_GENERATED_CONFIG_DIR", base.join("generated"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_DIST_PORT", dist_port.to_string())
        .env("ERL_EPMD_PORT", epmd_port.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}");
    // The port mapper daemonizes, which would take it out of the server's process group and leave it behind: it is started
    // in the foreground, before the server looks for it.
    let mapper = format!("epmd -port {epmd_port} -address 127.0.0.1 & exec {SERVER}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &mapper]);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let mut server = Server::start("rabbitmq", shell, directory);
    server.wait_until(|| stomp_answers(plain_port));
    server
}

fn conf(certificate: &ServerCertificate, ca: &Path, tls_port: u16, plain_port: u16) -> String {
    format!(
        "listeners.tcp = none\n\
         stomp.listeners.tcp.1 = 127.0.0.1:{plain_port}\n\
         stomp.listeners.ssl.1 = 127.0.0.1:{tls_port}\n\
         ssl_options.cacertfile = {}\n\
         ssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\n\
         default_user = {USER}\n\
         default_pass = {PASSWORD}\n\
         default_permissions.configure = ^(actions|acks|test)[.].*\n\
         default_permissions.read = ^(actions|acks|test)[.].*\n\
         default_permissions.write = ^(actions|acks|test)[.].*|^amq[.].*|^$\n",
        ca.display(),
        certificate.cert.display(),
        certificate.key.display(),
    )
}
