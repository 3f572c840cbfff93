// What pages do quicker with JavaScript; without, all of it works by links and forms.
"use strict";
document.documentElement.classList.add("scripted");

// A page as a document: by XMLHttpRequest, since it parses without giving scripts a way to write markup.
function load(method, address, body) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.setRequestHeader("Accept", "text/html");
    request.responseType = "document";
    request.onload = () => (request.response ? resolve(request) : reject(new Error("no page")));
    request.onerror = () => reject(new Error("no connection"));
    request.send(body);
    load.last = request;
  });
}

function say(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}

// Lists that follow their form: <form data-live="ID of what is replaced">.
for (const form of document.querySelectorAll("form[data-live]")) {
  const region = () => document.getElementById(form.dataset.live);
  let timer;
  let running;

  // The address the form stands for, without what is empty or meant anyway.
  const address = () => {
    const usual = {};
    for (const field of form.elements) {
      if (field.name && field.dataset.usual) usual[field.name] = field.dataset.usual;
    }
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value.trim() && value !== usual[name]) query.append(name, value.trim());
    }
    const text = query.toString();
    return form.getAttribute("action") + (text ? "?" + text : "");
  };

  const show = async (target) => {
    if (running) running.abort();
    region().classList.add("busy");
    try {
      const page = load("GET", target);
      running = load.last;
      const { response, status } = await page;
      const fresh = response.getElementById(form.dataset.live);
      if (status !== 200 || !fresh) return location.assign(target);
      region().replaceWith(document.adoptNode(fresh));
      history.replaceState(null, "", target);
      document.title = response.title;
      const count = document.getElementById("count");
      say(count ? count.textContent : "");
    } catch {
      // The form itself tells what is wrong.
      location.assign(target);
    }
  };

  const later = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(() => show(address()), wait);
  };
  for (const field of form.elements) {
    if (field.tagName === "INPUT" && field.type !== "hidden") {
      field.addEventListener("input", () => later(250));
    } else if (field.tagName === "SELECT") {
      field.addEventListener("change", () => later(0));
    }
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    show(address());
  });
}

// Buttons that copy what stands before them: data-copy="what it is".
async function copy(source) {
  const text = source.textContent;
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Over plain http there is only the old way.
  const selection = getSelection();
  selection.selectAllChildren(source);
  document.execCommand("copy");
}

for (const source of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy " + source.dataset.copy);
  button.addEventListener("click", async () => {
    try {
      await copy(source);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  if (source.tagName === "PRE") {
    const box = document.createElement("div");
    box.className = "copybox";
    source.replaceWith(box);
    box.append(source, button);
  } else {
    source.after(button);
  }
}

// Uploads that show the server's verdict in place: <form data-upload="ID of where">.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const field = form.querySelector("input[type=file]");
  for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
    form.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.toggle("over", over);
    });
  }
  form.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length > 0) field.files = event.dataTransfer.files;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    say("Uploading");
    try {
      const { response } = await load("POST", form.getAttribute("action"), new FormData(form));
      const verdict = response.getElementById(form.dataset.upload) || response.querySelector("main > div");
      const place = document.getElementById(form.dataset.upload);
      place.replaceChildren(...document.adoptNode(verdict).childNodes);
      say("");
      place.focus();
      place.scrollIntoView({ block: "nearest" });
    } catch {
      say("The server does not answer; nothing was uploaded.");
      form.submit();
    } finally {
      button.setAttribute("aria-disabled", "false");
    }
  });
}

// Ctrl+Enter runs a query.
const query = document.getElementById("query");
if (query) {
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) query.form.requestSubmit();
  });
}
