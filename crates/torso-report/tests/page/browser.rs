//! A headless Chromium, driven through chromedriver: JSON over HTTP.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser with one page open. It and its driver end with this value.
pub(crate) struct Browser {
    driver: Driver,
    session: String,
    /// Tests run side by side, browsers one after the other: each needs some 200 MB.
    _turn: MutexGuard<'static, ()>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one; none, with a word about it, where there is no Chromium, which CI must have.
    pub(crate) fn start() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(driver) = Driver::start() else { return skip("there is no chromedriver") };
        let profile = tempfile::tempdir().unwrap();
        let options = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking",
                format!("--user-data-dir={}", profile.path().display()),
            ]},
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "unhandledPromptBehavior": "ignore",
        }}});
        let session = match driver.send("POST", "/session", &options) {
            Ok(answer) => answer["sessionId"].as_str().unwrap().to_string(),
            Err(why) if why.contains("cannot find") => return skip(&why),
            Err(why) => panic!("the browser does not start: {why}"),
        };
        let browser = Self { driver, session, _turn: turn, _profile: profile };
        // The page for new tabs asks for a lot.
        browser.post("/url", &json!({ "url": "about:blank" }));
        browser.requests();
        browser.complaints();
        Some(browser)
    }

    /// Opens a file, and gives its address.
    pub(crate) fn open(&self, path: &Path) -> String {
        let address = format!("file://{}", path.canonicalize().unwrap().display());
        self.post("/url", &json!({ "url": address }));
        address
    }

    /// What the body of a function returns in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// A command of the Chrome `DevTools` Protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// The console's messages of levels above `INFO` since the last call.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let is_bad = |entry: &&Value| ["SEVERE", "WARNING"].contains(&text(&entry["level"]));
        self.log("browser").iter().filter(is_bad).map(Value::to_string).collect()
    }

    /// The addresses that were asked for since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = self.log("performance");
        let events = log.iter().map(|entry| -> Value {
            let event: Value = serde_json::from_str(text(&entry["message"])).unwrap();
            event["message"].clone()
        });
        let requests = events.filter(|event| event["method"] == "Network.requestWillBeSent");
        requests.map(|event| text(&event["params"]["request"]["url"]).to_string()).collect()
    }

    /// The words of an open dialog; none without one.
    pub(crate) fn dialog(&self) -> Option<String> {
        let path = format!("/session/{}/alert/text", self.session);
        self.driver.send("GET", &path, &Value::Null).ok().map(|words| text(&words).to_string())
    }

    /// Presses a key so many times.
    pub(crate) fn press(&self, key: char, times: usize) {
        let once = ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }));
        let all: Vec<&Value> = (0..times).flat_map(|_| &once).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": all });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        self.post("/se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        self.driver.send("POST", &path, body).unwrap_or_else(|why| panic!("{path}: {why}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let path = format!("/session/{}", self.session);
        let _ = self.driver.send("DELETE", &path, &Value::Null);
    }
}

/// chromedriver on a free port.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start() -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = match command.spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => panic!("chromedriver does not start: {error}"),
        };
        let stdout = process.stdout.take().unwrap();
        let mut driver = Self { process, port: 0 };
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        driver.port = port.expect("chromedriver says its port");
        Some(driver)
    }

    /// The value of the answer, or what was wrong.
    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_mins(1)))
            .build();
        let agent = ureq::Agent::new_with_config(config);
        let address = format!("http://127.0.0.1:{}{path}", self.port);
        let answer = match method {
            "POST" => agent.post(&address).send(body.to_string()),
            "DELETE" => agent.delete(&address).call(),
            _ => agent.get(&address).call(),
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        let body = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let body: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        match &body["value"]["error"] {
            Value::String(error) => Err(format!("{error}: {}", body["value"]["message"])),
            _ => Ok(body["value"].clone()),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skip<T>(why: &str) -> Option<T> {
    #[expect(clippy::disallowed_methods, reason = "only CI must have a browser")]
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "{why}; Debian has it in chromium and chromium-driver");
    println!("skipped: {why}");
    None
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
