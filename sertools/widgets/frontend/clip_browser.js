// A table of clips to filter, sort, play through and tag.

import { clipList, LIST_KEYS } from "./cliplist.js";
import { clipsOf, shownRows } from "./clips.js";
import { count, make, opened, themed } from "./dom.js";
import { historyOf, put, UNDO_KEYS } from "./history.js";
import { keyHelp } from "./keyhelp.js";
import { lifecycle, orphaned } from "./lifecycle.js";
import { rpc } from "./rpc.js";
import { summary } from "./summary.js";
import { tableOf, takeaway } from "./takeaway.js";

const TAG_KEYS = [
  ["1 to 9", "tag the clip"],
  ["0", "takes its tag back"],
];
const MOST = 200; // a column with more words is searched, not chosen from

function render({ model, el }) {
  const { signal, close, say } = opened(el, "clip_browser");
  const ask = rpc(model, signal);
  const clips = clipsOf(model);
  const facets = new Map(); // column -> select
  let base = null; // rows picked from elsewhere, in place of the filters here
  let filtering = false; // while our own filters are told to Python
  let sent = "[[],false]";

  const list = clipList({
    clips,
    ask,
    signal,
    say,
    label: "Clips",
    extra: (row) => {
      const tag = model.get("tags")[clips.names[row]];
      return tag ? make("span", { class: "tag", text: tag }) : null;
    },
    onkey: (event, row) => {
      const tag = tagOf(event.key);
      if (tag === undefined || row === undefined) return false;
      setTag(row, tag);
      return true;
    },
    onactive: tell,
  });
  const search = make("input", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search in names and texts",
    oninput: filter,
  });
  const order = choice("Sort", orders(), filter);
  const turn = make("button", {
    text: "↑",
    "aria-label": "Sort the other way",
    "aria-pressed": "false",
    onclick: () => {
      const down = turn.getAttribute("aria-pressed") === "false";
      turn.setAttribute("aria-pressed", down);
      turn.textContent = down ? "↓" : "↑";
      filter();
    },
  });
  const through = make("button", {
    text: "▶ Play through",
    onclick: () => {
      list.el.querySelector("[role=listbox]").focus();
      list.playThrough();
    },
  });
  const bar = make("div", { class: "filters", role: "group", "aria-label": "Filters" }, search);
  for (const name of model.get("_facets")) {
    const levels = name === "tag" ? [] : clips.levels(name);
    if (name !== "tag" && (levels.length < 2 || levels.length > MOST)) continue;
    facets.set(name, choice(name, [["", "all"], ...levels.map((l) => [l, l])], filter));
    bar.append(facets.get(name).label);
  }
  bar.append(make("span", { class: "pair" }, order.label, turn), through);
  const tagging = make("div", { class: "tagging", role: "group", "aria-label": "Tag" });
  const remembered = ["_picked", "_empty_filter", "_by_answers", "tags", "words"];
  const history = historyOf(model, remembered, el, signal, say, filters, unfilter);
  const tag = { tag: (row) => model.get("tags")[clips.names[row]] ?? "" };
  const table = () => tableOf(clips, list.rows(), tag);
  el.append(
    summary(model, ask, signal),
    bar,
    list.el,
    tagging,
    takeaway("clips", table, say, history.button),
  );
  keyHelp(el, { "in the list": [...LIST_KEYS, ...TAG_KEYS], everywhere: UNDO_KEYS }, signal);
  themed(el, () => {}, signal);

  function choice(name, options, changed) {
    const select = make("select", { "aria-label": name, onchange: changed });
    select.append(...options.map(([value, text]) => make("option", { value, text })));
    return { select, label: make("label", {}, make("small", { text: name }), select) };
  }

  function orders() {
    const found = [["", "as they come"], ["name", "name"]];
    if (clips.has("predicted")) found.push(["wrong", "surest mistakes"], ["sure", "certainty"]);
    return [...found, ...Object.keys(clips.columns).map((name) => [name, name])];
  }

  function keep() {
    const wanted = [...facets].filter(([, { select }]) => select.value);
    const words = search.value.trim().toLowerCase();
    const tags = model.get("tags");
    return (row) => {
      if (base) return base.has(row);
      for (const [name, { select }] of wanted) {
        const own = name === "tag" ? (tags[clips.names[row]] ?? "none") : clips.text(name, row);
        if (own !== select.value) return false;
      }
      return !words || `${clips.names[row]} ${clips.text("text", row)}`.toLowerCase().includes(words);
    };
  }

  // Take the filters over: what they let through is picked, and shown here.
  function filter() {
    base = null;
    const all = Array.from({ length: clips.n }, (_, row) => row);
    const kept = all.filter(keep());
    const rows = kept.length === clips.n ? [] : kept;
    filtering = true;
    put(model, {
      _by_answers: Boolean(facets.get("predicted")?.select.value),
      _empty_filter: !kept.length,
      _picked: rows,
    });
    filtering = false;
    sent = state();
    history.look();
    show();
  }

  // What is filtered by here, for coming back to it.
  function filters() {
    const set = [...facets].map(([name, { select }]) => [name, select.value]);
    return [search.value, Object.fromEntries(set), base && [...base]];
  }
  function unfilter([words, set, rows], change) {
    filtering = true;
    change(); // the tags on offer, too
    filtering = false;
    sent = state();
    search.value = words;
    for (const [name, { select }] of facets) select.value = set[name];
    base = rows && new Set(rows);
    show();
  }

  // What Python knows of the filters: nothing picked may be no filter, or one that is empty.
  function state() {
    return JSON.stringify([model.get("_picked"), model.get("_empty_filter")]);
  }

  function show() {
    const rows = shownRows(model, clips.n).filter(keep());
    list.show(sorted(rows));
    tell();
    say(count(rows.length, "clip"));
  }

  function sorted(rows) {
    const name = order.select.value;
    const way = turn.getAttribute("aria-pressed") === "true" ? -1 : 1;
    if (!name) return way < 0 ? [...rows].reverse() : rows;
    const key = new Map(rows.map((row) => [row, keyOf(name, row)]));
    const compare = (a, b) => (key.get(a) < key.get(b) ? -1 : key.get(a) > key.get(b) ? 1 : a - b);
    return [...rows].sort((a, b) => way * compare(a, b));
  }

  function keyOf(name, row) {
    if (name === "name") return clips.names[row];
    const sure = () => clips.scores(row)[0][1];
    if (name === "sure") return -sure();
    if (name === "wrong") {
      const right = clips.text("emotion", row) === clips.text("predicted", row);
      return (right ? 2 : 0) - sure();
    }
    return clips.columns[name].values ? clips.value(name, row) : clips.text(name, row);
  }

  // The tags on offer for the active clip, each with its key.
  function tell() {
    const row = list.active;
    const held = [...tagging.children].indexOf(document.activeElement);
    tagging.replaceChildren();
    if (row === undefined) {
      tagging.append(make("span", { class: "words", text: "No clip passes these filters." }));
      return;
    }
    const name = clips.names[row];
    const own = model.get("tags")[name] ?? "";
    tagging.append(make("span", { class: "words" }, "Tag ", make("b", { text: name })));
    ["", ...model.get("words")].slice(0, 10).forEach((word, key) => {
      tagging.append(
        make(
          "button",
          { "aria-pressed": word === own, "aria-keyshortcuts": key, onclick: () => setTag(row, word) },
          make("kbd", { text: key }),
          word || "none",
        ),
      );
    });
    tagging.append(
      make("input", {
        class: "new",
        placeholder: "new tag",
        "aria-label": "A new tag; Enter sets it",
        onkeydown: (event) => {
          if (event.key === "Enter" && event.target.value.trim()) {
            setTag(row, event.target.value.trim());
            list.el.querySelector("[role=listbox]").focus();
          }
        },
      }),
    );
    tagging.children[held]?.focus(); // they were made anew
  }

  function tagOf(key) {
    const words = ["", ...model.get("words")];
    return /^[0-9]$/.test(key) ? words[Number(key)] : undefined;
  }

  function setTag(row, tag) {
    const tags = { ...model.get("tags") };
    if (tag) tags[clips.names[row]] = tag;
    else delete tags[clips.names[row]];
    const words = model.get("words");
    put(model, { words: tag && !words.includes(tag) ? [...words, tag] : words, tags });
    say(`${clips.names[row]}: ${tag || "no tag"}`);
  }

  function tagged() {
    const facet = facets.get("tag");
    if (facet) {
      const before = facet.select.value;
      const used = [...new Set(Object.values(model.get("tags")))].sort();
      const options = [["", "all"], ["none", "none"], ...used.map((tag) => [tag, tag])];
      facet.select.replaceChildren(
        ...options.map(([value, text]) => make("option", { value, text })),
      );
      facet.select.value = before;
      facet.label.hidden = !used.length;
    }
    list.redraw();
    tell();
  }

  // Somebody else set what is picked here: Python, or "Show all clips".
  function picked() {
    if (filtering || state() === sent) return;
    sent = state();
    const rows = model.get("_picked");
    base = rows.length || model.get("_empty_filter") ? new Set(rows) : null;
    search.value = "";
    for (const { select } of facets.values()) select.value = "";
    show();
  }

  const heard = { _rows: show, _picked: picked, _empty_filter: picked, tags: tagged, words: tell };
  for (const [name, hear] of Object.entries(heard)) model.on(`change:${name}`, hear);
  tagged();
  picked();
  show();
  lifecycle(model, signal);
  orphaned(model, el, ask, signal);
  return () => {
    for (const [name, hear] of Object.entries(heard)) model.off(`change:${name}`, hear);
    close();
  };
}

export default { render };
