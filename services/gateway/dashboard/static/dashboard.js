// What the pages do beyond links and forms: they stay up to date, listen to the keyboard, and draw lines.
(() => {
  "use strict";
  const root = document.documentElement;
  const remembered = { theme: localStorage.getItem("theme"), keys: localStorage.getItem("keys") !== "off" };
  if (remembered.theme) root.dataset.theme = remembered.theme;

  // The one place that says when something may have changed. A page that nobody sees asks for nothing.
  // Nor does one that was told to wait. What changes while an answer is under way is asked for after it.
  let quietUntil = 0, asking = false, again = false, asked = 0;
  const tell = (name) => document.body.dispatchEvent(new Event(name));
  const announce = () => {
    if (document.hidden || Date.now() < quietUntil) return;
    again = asking;
    if (!asking) tell("landscape:changed");
  };
  // Events say at once that something happened. What they do not tell, as counters, is asked for every `checked`
  // milliseconds; and everything every `renewed` ones while there is no stream.
  let streams = false;
  const watch = (live) => {
    // The living part may say another time: what has ended is asked for less often.
    const period = () => Number(streams ? (live.querySelector("[data-checked]") ?? live).dataset.checked : live.dataset.renewed);
    asked = Date.now();
    setInterval(() => { if (!asking && Date.now() - asked >= period()) announce(); }, 100);
    const connect = () => { if (!streams && !document.hidden) tell("landscape:connect"); };
    connect();
    setInterval(connect, 5000);
  };
  document.addEventListener("visibilitychange", announce);
  document.addEventListener("htmx:sse:after:connection", () => { streams = true; announce(); });
  for (const away of ["before:connection", "error", "close"]) document.addEventListener(`htmx:sse:${away}`, () => { streams = false; });
  document.addEventListener("htmx:sse:before:message", announce);

  // The page says so when it is no longer up to date.
  const ofLive = (handler) => (event) => { if (event.target.id === "live") handler(event); };
  const stale = (is) => root.classList.toggle("stale", is);
  document.addEventListener("htmx:before:request", ofLive(() => { asking = true; asked = Date.now(); }));
  document.addEventListener("htmx:finally:request", ofLive(() => {
    asking = false;
    if (again) setTimeout(announce, 100);
  }));
  document.addEventListener("htmx:after:request", ofLive((event) => {
    const answer = event.detail.ctx.response;
    stale(!answer || answer.status >= 400);
    quietUntil = Date.now() + 1000 * (Number(answer?.headers.get("Retry-After")) || 0);
  }));
  document.addEventListener("htmx:error", ofLive(() => stale(true)));
  document.addEventListener("htmx:after:swap", () => draw());

  const PLACES = {
    h: "/ui", p: "/ui/pipelines", n: "/ui/start", e: "/ui/errors", b: "/ui/breakers", q: "/ui/queues", c: "/ui/cost",
    o: "/ui/operations", a: "/ui/audit", k: "/ui/keys",
    "?": "/ui/keyboard",
  };
  const dark = () => getComputedStyle(root).colorScheme === "dark"
    || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const turn = () => {
    root.dataset.theme = dark() ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
    draw(true);
  };
  document.addEventListener("keydown", (event) => {
    if (!remembered.keys || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) return;
    if (event.key === "t") turn();
    else if (PLACES[event.key]) location.assign(PLACES[event.key]);
  });

  // A line is drawn from the table beside it, which stays for who cannot see a canvas.
  const lines = new Map();
  const passed = (seconds) => seconds < 120 ? `${+seconds.toFixed(3)} s` : seconds < 7200 ? `${+(seconds / 60).toFixed(1)} min` : `${+(seconds / 3600).toFixed(1)} h`;
  const draw = (anew = false) => {
    for (const place of document.querySelectorAll("[data-line]")) {
      const rows = [...document.querySelectorAll(`#${place.dataset.line} tr[data-x]`)];
      const content = rows.map((row) => `${row.dataset.x}:${row.dataset.y}`).join();
      const known = lines.get(place);
      if (!anew && known?.content === content) continue;
      known?.chart.destroy();
      const ink = getComputedStyle(place);
      const axis = { stroke: ink.getPropertyValue("color"), grid: { stroke: ink.getPropertyValue("border-top-color"), width: 1 } };
      const chart = new uPlot({
        width: place.clientWidth, height: 190, legend: { show: false }, cursor: { show: false }, scales: { x: { time: false } },
        axes: [{ ...axis, space: 90, values: (_, ticks) => ticks.map(passed) }, { ...axis, size: 64 }],
        series: [{}, { stroke: ink.getPropertyValue("outline-color"), width: 2 }],
      }, [rows.map((row) => Number(row.dataset.x)), rows.map((row) => Number(row.dataset.y))], place);
      lines.set(place, { chart, content });
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const live = document.getElementById("live");
    if (live) watch(live);
    draw();
    addEventListener("resize", () => draw(true));
    // A file is read as soon as it is chosen: its broken rows are told before anything else is filled in.
    const file = document.getElementById("file");
    file?.addEventListener("change", () => {
      const read = Object.assign(document.createElement("button"), { name: "step", value: "read", hidden: true });
      file.form.append(read);
      file.form.requestSubmit(read);
    });
    const keys = document.getElementById("keys");
    if (keys) {
      keys.checked = remembered.keys;
      keys.addEventListener("change", () => {
        remembered.keys = keys.checked;
        localStorage.setItem("keys", keys.checked ? "on" : "off");
      });
    }
    document.getElementById("turn")?.addEventListener("click", turn);
  });
})();
