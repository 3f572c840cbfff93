//! Chromium without a window, driven over `WebDriver`.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use thirtyfour::{
    By, ChromiumLikeCapabilities as _, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver, WebElement,
};
use tokio::runtime::Runtime;

/// How long a page may take to become as it should be.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two cores are enough for one browser.
static ONE: Mutex<()> = Mutex::new(());

/// A browser; it ends when this is dropped.
pub(crate) struct Browser {
    driver: Option<WebDriver>,
    runtime: Runtime,
    process: Child,
    base: String,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    /// A browser for the pages of the server at `base`.
    pub(crate) fn start(base: &str) -> Self {
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (process, port) = driver();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            // Tests may run as root, in containers with little shared memory; all they visit is loopback.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--lang=en",
            "--window-size=1280,900",
        ] {
            wanted.add_arg(argument).unwrap();
        }
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let driver = runtime.block_on(WebDriver::new(format!("http://127.0.0.1:{port}"), wanted)).unwrap();
        Self { driver: Some(driver), runtime, process, base: base.to_owned(), _alone: alone }
    }

    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().unwrap()
    }

    /// Goes to a path of the server.
    pub(crate) fn open(&self, path: &str) {
        self.runtime.block_on(self.driver().goto(format!("{}{path}", self.base))).unwrap();
    }

    /// The path and query of where it is.
    pub(crate) fn path(&self) -> String {
        let address = self.runtime.block_on(self.driver().current_url()).unwrap().to_string();
        address.strip_prefix(&self.base).unwrap_or(&address).to_owned()
    }

    /// The one element there is, or will be in a moment.
    pub(crate) fn find(&self, css: &str) -> WebElement {
        self.until(&format!("there is {css}"), || self.all(css).into_iter().next())
    }

    pub(crate) fn all(&self, css: &str) -> Vec<WebElement> {
        self.runtime.block_on(self.driver().find_all(By::Css(css))).unwrap()
    }

    pub(crate) fn is_visible(&self, css: &str) -> bool {
        let element = self.find(css);
        self.runtime.block_on(element.is_displayed()).unwrap()
    }

    /// The visible text of the element.
    pub(crate) fn text(&self, css: &str) -> String {
        let element = self.find(css);
        self.runtime.block_on(element.text()).unwrap()
    }

    /// The visible texts of all such elements.
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        let texts = self.script(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())",
            &[json!(css)],
        );
        serde_json::from_value(texts).unwrap()
    }

    pub(crate) fn click(&self, css: &str) {
        let element = self.find(css);
        self.runtime
            .block_on(async {
                element.scroll_into_view().await?;
                element.click().await
            })
            .unwrap();
    }

    /// Types into an element, or sends it a file.
    pub(crate) fn type_into(&self, css: &str, text: &str) {
        let element = self.find(css);
        self.runtime.block_on(element.send_keys(text)).unwrap();
    }

    /// Sends keys to whatever has the focus.
    pub(crate) fn keys(&self, keys: &str) {
        self.runtime.block_on(self.driver().action_chain().send_keys(keys).perform()).unwrap();
    }

    /// What a script returns.
    pub(crate) fn script(&self, script: &str, arguments: &[Value]) -> Value {
        let done = self.runtime.block_on(self.driver().execute(script, arguments.to_vec())).unwrap();
        done.json().clone()
    }

    /// What a script gives to its last argument, a function.
    pub(crate) fn async_script(&self, script: &str, arguments: &[Value]) -> Value {
        let done = self.runtime.block_on(self.driver().execute_async(script, arguments.to_vec())).unwrap();
        done.json().clone()
    }

    /// Waits until `condition` gives something.
    pub(crate) fn until<T>(&self, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = condition() {
                return found;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "not in time: {what}; at {}:\n{}",
                self.path(),
                self.source()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until something holds.
    pub(crate) fn until_true(&self, what: &str, mut condition: impl FnMut() -> bool) {
        self.until(what, || condition().then_some(()));
    }

    fn source(&self) -> String {
        self.runtime.block_on(self.driver().source()).unwrap().chars().take(9_000).collect()
    }

    /// Has no JavaScript from now on, or has it again.
    pub(crate) fn without_scripts(&self, without: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": without}));
    }

    /// Looks like a screen of that size from now on, in the light or dark scheme.
    pub(crate) fn look(&self, width: u32, height: u32, scheme: &str) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", screen);
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media);
    }

    /// The page as a PNG, as far as two screens go.
    pub(crate) fn picture(&self, file: &Path) {
        let size = self.script("const e = document.documentElement; return [e.clientWidth, Math.min(e.scrollHeight, 2 * e.clientHeight)]", &[]);
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let shot =
            self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true, "clip": clip}));
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            shot["data"].as_str().unwrap(),
        );
        std::fs::write(file, bytes.unwrap()).unwrap();
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.runtime.block_on(self.driver().cdp().send_raw(command, parameters)).unwrap()
    }

    /// What went wrong since the last time: what a page's policy forbade, errors of scripts, things not found.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.runtime.block_on(self.driver().browser_log()).unwrap();
        entries.into_iter().filter(|entry| entry.level != "INFO").map(|entry| entry.message).collect()
    }
}

/// A driver and its port. One that chose a port which is taken a moment later gives up.
fn driver() -> (Child, String) {
    for _ in 0..5 {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver (tests/setup.sh tests installs it)");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut told = Vec::new();
        for line in lines {
            if let Some((_, port)) = line.split_once("successfully on port ") {
                return (process, port.trim_end_matches('.').to_owned());
            }
            told.push(line);
        }
        let status = process.wait().unwrap();
        eprintln!("chromedriver ended with {status}: {}", told.join("; "));
    }
    panic!("chromedriver does not start");
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            let _ = self.runtime.block_on(driver.quit());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
