// Keeps an open page current: waits for change notifications, fetches the part that changed, and moves the page
// towards it node by node, so that focus, scroll position and open details stay. Everything works without it.
(function () {
  "use strict";
  const root = document.documentElement;
  const ages = JSON.parse(root.dataset.ages);
  const byId = (id) => document.getElementById(id);

  // Ages ------------------------------------------------------------------------------------------------------------

  const units = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]];

  function age(when, until) {
    const seconds = (Date.now() - when) / 1000;
    if (until && seconds > 0) return ages["age.now"]; // the next look is due: news will follow
    const distance = Math.floor(Math.abs(seconds));
    const unit = units.find(([, size]) => distance >= Math.max(size, 5));
    if (!unit) return ages["age.now"];
    return ages[(seconds < 0 ? "in." : "age.") + unit[0]].replace("{count}", Math.floor(distance / unit[1]));
  }

  function tick() {
    for (const time of document.querySelectorAll("time[data-age]")) {
      const when = Date.parse(time.dateTime);
      const text = Number.isNaN(when) ? time.textContent : age(when, "until" in time.dataset);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // Moving the page towards a newer one -----------------------------------------------------------------------------

  const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || "" : "");
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

  function moveAttributes(from, to) {
    for (const name of from.getAttributeNames()) {
      if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
    }
    for (const name of to.getAttributeNames()) {
      if (from.getAttribute(name) !== to.getAttribute(name)) from.setAttribute(name, to.getAttribute(name));
    }
  }

  function moveNode(from, to) {
    if (from.nodeType !== 1) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    if (from.hasAttribute("data-kept")) return;
    const phase = from.dataset.phase;
    moveAttributes(from, to);
    moveChildren(from, to);
    if (phase && phase !== to.dataset.phase) notice(from);
  }

  function moveChildren(from, to) {
    let current = from.firstChild;
    for (const wanted of Array.from(to.childNodes)) {
      let match = current;
      if (!match || !alike(match, wanted)) {
        const key = keyOf(wanted);
        match = key ? Array.from(from.children).find((child) => alike(child, wanted)) : null;
      }
      if (!match) {
        const added = document.importNode(wanted, true);
        from.insertBefore(added, current);
        if (added.nodeType === 1 && added.dataset.key) notice(added);
      } else {
        if (match !== current) from.insertBefore(match, current);
        else current = current.nextSibling;
        moveNode(match, wanted);
      }
    }
    while (current) {
      const next = current.nextSibling;
      current.remove();
      current = next;
    }
  }

  function notice(element) {
    element.classList.add("noticed");
    element.addEventListener("animationend", () => element.classList.remove("noticed"), { once: true });
  }

  // Following changes -----------------------------------------------------------------------------------------------

  let shown = root.dataset.change;
  let fetching = false;
  let again = false;

  async function refresh() {
    if (fetching) { again = true; return; }
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { "Pierhead-Fragment": "1" }, cache: "no-store" });
      take(new DOMParser().parseFromString(await answer.text(), "text/html"), answer.ok);
    } catch (error) {
      setTimeout(refresh, 3000); // the agent is restarting: the stream says "reconnecting" meanwhile
    } finally {
      fetching = false;
      if (again) { again = false; refresh(); }
    }
  }

  function take(page, whole) {
    if (!whole || !page.getElementById("main")) { location.reload(); return; }
    shown = page.documentElement.dataset.change;
    for (const id of ["nav", "main"]) moveNode(byId(id), page.getElementById(id));
    const icon = page.getElementById("favicon");
    if (byId("favicon").getAttribute("href") !== icon.getAttribute("href")) byId("favicon").replaceWith(icon);
    if (document.title !== page.title) {
      document.title = page.title;
      byId("announce").textContent = page.title;
    }
    tick();
    offerFollow();
  }

  let stream = null;

  function connect() {
    if (stream || document.hidden) return;
    stream = new EventSource("/api/v1/stream");
    stream.onopen = () => show(true);
    stream.onerror = () => {
      show(false);
      if (stream.readyState === EventSource.CLOSED) { stream = null; setTimeout(connect, 10000); }
    };
    const changed = (event) => { if (JSON.parse(event.data).id !== shown) refresh(); };
    stream.addEventListener("hello", changed);
    stream.addEventListener("change", changed);
  }

  function disconnect() {
    if (stream) stream.close();
    stream = null;
  }

  function show(on) {
    const live = byId("live");
    live.hidden = false;
    live.classList.toggle("off", !on);
    live.textContent = on ? live.dataset.on : live.dataset.off;
  }

  // A hidden tab gives its connection back: browsers allow six to one host.
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));

  // Following logs --------------------------------------------------------------------------------------------------

  const MOST_LINES = 2000;
  let follower = null;

  function offerFollow() {
    const button = byId("follow");
    if (!button || !byId("log")) return;
    if (button.hidden) {
      button.hidden = false;
      button.onclick = () => (follower ? stopFollowing(button) : startFollowing(button));
    }
  }

  function startFollowing(button) {
    const log = byId("log");
    byId("logs").setAttribute("data-kept", "");
    log.textContent = "";
    log.setAttribute("aria-live", "off");
    follower = new EventSource(byId("logs").dataset.follow);
    follower.addEventListener("line", (event) => addLine(log, JSON.parse(event.data).line));
    follower.addEventListener("end", (event) => {
      addLine(log, "— " + (JSON.parse(event.data).message || button.dataset.ended));
      stopFollowing(button);
    });
    follower.onopen = () => { log.textContent = ""; };
    button.textContent = button.dataset.stop;
    button.setAttribute("aria-pressed", "true");
  }

  function stopFollowing(button) {
    follower.close();
    follower = null;
    byId("logs").removeAttribute("data-kept");
    button.textContent = button.dataset.start;
    button.setAttribute("aria-pressed", "false");
  }

  function addLine(log, line) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const span = document.createElement("span");
    span.textContent = line + "\n";
    log.append(span);
    while (log.childNodes.length > MOST_LINES) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  // Light and dark --------------------------------------------------------------------------------------------------

  function offerTheme() {
    const button = byId("theme");
    button.hidden = false;
    button.onclick = () => {
      const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
      root.dataset.theme = next;
      try { localStorage.setItem("theme", next); } catch (error) { /* not remembered */ }
    };
  }

  const log = byId("log");
  if (log) log.scrollTop = log.scrollHeight;
  offerTheme();
  offerFollow();
  tick();
  setInterval(tick, 5000);
  connect();
})();
