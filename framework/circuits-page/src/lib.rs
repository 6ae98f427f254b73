//! The page under `/`, on which operators see and steer what runs. It is made of the files in `assets`, which are compiled in; they
//! are for everybody, because every datum on the page comes from `/api/v1`, which looks at who asks.

mod assets;
mod serve;

use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Opened};
use circuits::web::Mount;

circuits::register! {
    Extension::new("page", |config| Box::pin(std::future::ready(Ok(open(config)))))
        .version(env!("CARGO_PKG_VERSION"))
        .about("shows and steers what runs, in a browser (http_port)")
}

fn open(config: &Config) -> Option<Box<dyn Opened>> {
    config.settings().http_port.map(|_| Box::new(Page) as _)
}

struct Page;

impl Opened for Page {
    fn attach(&mut self, context: &Context) {
        context.web().mount(Mount::new("/", serve::router()).open());
    }

    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move { context.stopped().await })
    }
}
