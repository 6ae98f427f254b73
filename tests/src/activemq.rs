//! A private ActiveMQ (Debian package `activemq`): STOMP over TLS, users, authorisation, a persistent store.

use std::path::Path;
use std::process::Command;

use crate::broker::USER;
use crate::certs::{Certificate, STORE_PASSWORD};

const HOME: &str = "/usr/share/activemq";
const LOGGING: &str = "log4j.rootLogger=INFO, out\n\
    log4j.appender.out=org.apache.log4j.ConsoleAppender\n\
    log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
    log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c{1} %m%n\n";

/// Writes the configuration below `directory` and returns the command that starts the broker in the foreground.
pub(crate) fn command(directory: &Path, certificate: &Certificate, password: &str, tls_port: u16) -> Command {
    let jar = format!("{HOME}/bin/activemq.jar");
    assert!(Path::new(&jar).exists(), "ActiveMQ is not installed: apt-get install activemq");
    let base = directory.join("activemq");
    std::fs::create_dir_all(base.join("tmp")).unwrap();
    std::fs::write(base.join("log4j.properties"), LOGGING).unwrap();
    std::fs::write(base.join("activemq.xml"), xml(&base, &certificate.key_store(), password, tls_port))
        .unwrap();
    let base = base.display();
    let mut command = Command::new("java");
    command
        .arg("-Xmx512m")
        .arg(format!("-Dlog4j.configuration=file:{base}/log4j.properties"))
        .arg(format!("-Djava.io.tmpdir={base}/tmp"))
        .arg(format!("-Dactivemq.home={HOME}"))
        .args(["base", "conf"].map(|name| format!("-Dactivemq.{name}={base}")))
        .arg(format!("-Dactivemq.data={base}/data"))
        .args(["-jar", &jar, "start"])
        .arg(format!("xbean:file:{base}/activemq.xml"));
    command
}

/// Entries that match a queue are merged, so only the areas of the account are named: the rest is closed to it.
fn xml(base: &Path, store: &Path, password: &str, tls_port: u16) -> String {
    let (base, store) = (base.display(), store.display());
    // Wildcards do not work within a part of a name.
    let bench = |number| {
        format!(
            r#"   <authorizationEntry queue="actions.*.bench{number}" read="apps" write="apps" admin="apps"/>"#
        )
    };
    let benches = (0..100).map(bench).collect::<Vec<_>>().join("\n");
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
   <authorizationEntry queue=">" read="admins" write="admins" admin="admins"/>
   <authorizationEntry queue="actions.*.probe" read="apps" write="apps" admin="apps"/>
   <authorizationEntry queue="actions.*.circuits_selftest" read="apps" write="apps" admin="apps"/>
   <authorizationEntry queue="circuits.>" read="apps" write="apps" admin="apps"/>
{benches}
   <authorizationEntry queue="acks.>" read="apps" write="apps" admin="apps"/>
   <authorizationEntry queue="test.>" read="apps" write="apps" admin="apps"/>
   <authorizationEntry topic="ActiveMQ.Advisory.>" read="apps" write="apps" admin="apps"/>
  </authorizationEntries></authorizationMap></map></authorizationPlugin>
 </plugins>
 <persistenceAdapter><kahaDB directory="{base}/kahadb"/></persistenceAdapter>
 <sslContext><sslContext keyStore="file:{store}" keyStoreType="PKCS12" keyStorePassword="{STORE_PASSWORD}"/></sslContext>
 <transportConnectors><transportConnector uri="stomp+ssl://127.0.0.1:{tls_port}"/></transportConnectors>
</broker></beans>"#
    )
}
