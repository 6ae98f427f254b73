//! A private ActiveMQ (Debian package `activemq`): STOMP over TLS, users, authorisation, a persistent store.

use std::path::Path;
use std::process::Command;

use crate::broker::{FORBIDDEN, PASSWORD, USER};
use crate::certs::{STORE_PASSWORD, ServerCertificate};
use crate::process::{Server, stomp_answers};

const HOME: &str = "/usr/share/activemq";

pub(crate) fn start(directory: &Path, certificate: &ServerCertificate, tls_port: u16, plain_port: u16) -> Server {
    let jar = format!("{HOME}/bin/activemq.jar");
    assert!(Path::new(&jar).exists(), "ActiveMQ is not installed: apt-get install activemq");
    let base = directory.join("activemq");
    std::fs::create_dir_all(base.join("tmp")).unwrap();
    let base_text = base.display();
    let configuration = base.join("activemq.xml");
    let store = certificate.key_store();
    std::fs::write(&configuration, xml(&base_text.to_string(), &store.display().to_string(), tls_port, plain_port)).unwrap();
    let mut command = Command::new("java");
    command
        .args(["-Xmx256m", "-XX:+UseSerialGC"])
        .arg(format!("-Djava.io.tmpdir={base_text}/tmp"))
        .arg(format!("-Dactivemq.home={HOME}"))
        .args(["base", "conf"].map(|name| format!("-Dactivemq.{name}={base_text}")))
        .arg(format!("-Dactivemq.data={base_text}/data"))
        .args(["-jar", &jar, "start"])
        .arg(format!("xbean:file:{}", configuration.display()));
    let mut server = Server::start("activemq", command, directory);
    server.wait_until(|| stomp_answers(plain_port));
    server
}

fn xml(base: &str, store: &str, tls_port: u16, plain_port: u16) -> String {
    let password = PASSWORD;
    let area = FORBIDDEN.split('.').next().unwrap_or_default();
    format!(
        r#"<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd
 http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
<broker xmlns="http://activemq.apache.org/schema/core" useJmx="false" brokerName="test" dataDirectory="{base}/data">
 <plugins>
  <simpleAuthenticationPlugin><users>
   <authenticationUser username="{USER}" password="{password}" groups="apps"/>
  </users></simpleAuthenticationPlugin>
  <authorizationPlugin><map><authorizationMap><authorizationEntries>
   <authorizationEntry queue="actions.>" read="apps" write="apps" admin="apps"/>
   <authorizationEntry queue="acks.>" read="apps" write="apps" admin="apps"/>
   <authorizationEntry queue="test.>" read="apps" write="apps" admin="apps"/>
   <authorizationEntry queue="{area}.>" read="admins" write="admins" admin="admins"/>
   <authorizationEntry topic="ActiveMQ.Advisory.>" read="apps" write="apps" admin="apps"/>
  </authorizationEntries></authorizationMap></map></authorizationPlugin>
 </plugins>
 <persistenceAdapter><kahaDB directory="{base}/kahadb"/></persistenceAdapter>
 <sslContext><sslContext keyStore="file:{store}" keyStoreType="PKCS12" keyStorePassword="{STORE_PASSWORD}"/></sslContext>
 <transportConnectors>
  <transportConnector uri="stomp://127.0.0.1:{plain_port}"/>
  <transportConnector uri="stomp+ssl://127.0.0.1:{tls_port}"/>
 </transportConnectors>
</broker></beans>"#
    )
}
