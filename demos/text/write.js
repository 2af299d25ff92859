// Writing. value: {settings {model, prompt, filters, seed, tokens, choices}, kept (tokens that the page has already), note,
// begins (a run's first message), new: [{id, text, p, entropy, left, held, at, hand}], done, count, seconds, first, models,
// knobs}. props.known: in the part Hub, models whose names its field suggests; there the settings have chat, and the
// value says whether the model has a chat template.
let settings = null, // of the text that is shown
  filters = [], // [[name, value]], of the controls
  knobs = {},
  vocab = 65,
  chosen = null,
  done = true,
  timing = null;
let branches = [], // {stem (index of another, or null), from (tokens shared with it), tokens, settings}
  current = 0,
  next = {}; // of the run that was asked for: {stem, chosen}; they hold when its first message comes
const chips = $(".chips"),
  stage = $(".stage");
const tokens = () => branches[current]?.tokens ?? [];
const ids = (n) =>
  tokens()
    .slice(0, n)
    .map((t) => t.id);

// --- the settings ---
const chainText = () => filters.map(([name, v]) => `${name}=${+v.toFixed(4)}`).join(",");
const fieldSettings = () => ({
  model: $(".model").value,
  prompt: $(".prompt").value,
  filters: chainText(),
  seed: +$(".seed").value,
  tokens: +$(".tokens").value,
  choices: "",
  ...(props.known && { chat: $(".chat").checked }),
});
const send = (wanted, kept = [], begins = {}) => {
  if (!settings) return;
  done = false;
  timing = null;
  next = begins;
  showStatus();
  startRun(wanted, { kept });
};
const fillModels = (models) => {
  if (props.known) return;
  const name = $(".model").value;
  $(".model").replaceChildren(...Object.entries(models).map(([value, title]) => make("option", { value }, title)));
  if (name) $(".model").value = name;
};
if (props.known) {
  const list = make("datalist", { id: `${props.part}/known` }),
    field = make("input", { class: "model", type: "text", maxlength: 200, list: list.id, spellcheck: "false" });
  list.append(...props.known.map((value) => make("option", { value })));
  $(".model").replaceWith(field, list);
  $(".go").textContent = "Fetch and write";
  for (const control of [field, $(".chat")]) control.addEventListener("input", () => offerChat());
}
// Offered for models that are known to have a chat template, and where a link asks for it.
const templates = new Set();
const offerChat = () => {
  $(".as-chat").hidden = !templates.has($(".model").value) && !$(".chat").checked;
};
const mirror = (shown) => {
  $(".chat").checked = !!shown.chat;
  $(".model").value = shown.model;
  $(".seed").value = shown.seed;
  $(".tokens").value = shown.tokens;
  $(".prompt").value = shown.prompt;
  filters = shown.filters ? shown.filters.split(",").map((pair) => [pair.split("=")[0], +pair.split("=")[1]]) : [];
  chain();
};
const chain = () => {
  $(".chain").replaceChildren(
    ...filters.map(([name, value], k) => {
      const [title, low, high, step, , hint] = knobs[name],
        row = make("li", { title: hint });
      const number = make("span", { class: "value" }, String(+value.toFixed(2))),
        moves = make("span", { class: "moves" });
      const slider = make("input", { type: "range", min: low, max: high, step, "aria-label": title });
      slider.value = value;
      slider.addEventListener("input", () => {
        filters[k][1] = +slider.value;
        number.textContent = String(+(+slider.value).toFixed(2));
        look();
      });
      const move = (text, label, act, off) => {
        const button = make("button", { type: "button", "aria-label": `${label} ${title}`, title: label }, text);
        button.disabled = off;
        button.addEventListener("click", () => {
          act(filters);
          chain();
          look();
        });
        return button;
      };
      const swap = (a, b) => (list) => {
        [list[a], list[b]] = [list[b], list[a]];
      };
      moves.append(
        move("▲", "Earlier:", swap(k, k - 1), k === 0),
        move("▼", "Later:", swap(k, k + 1), k === filters.length - 1),
        move("✕", "Remove", (list) => list.splice(k, 1), false),
      );
      const name_ = make("span", {}, title);
      row.append(name_, moves, slider, number);
      return row;
    }),
  );
  const free = Object.keys(knobs).filter((name) => !filters.some(([other]) => other === name));
  $(".add").replaceChildren(
    make("option", { value: "" }, "Add a filter …"),
    ...free.map((name) => make("option", { value: name }, knobs[name][0])),
  );
  $(".add").hidden = !free.length;
};
$(".add").addEventListener("change", () => {
  const name = $(".add").value;
  if (name) {
    filters.push([name, knobs[name][4]]);
    chain();
    look();
  }
});

// --- the text ---
const BY = {
  p: [(t) => -Math.log(Math.max(t.p, 1e-4)) / 6, "expected", "surprising: the model gave it little probability"],
  entropy: [(t) => t.entropy / Math.log(vocab), "the model was sure", "it could have been anything"],
  left: [(t) => Math.log(t.left) / Math.log(vocab), "one token was left", "all were left"],
};
const paint = () => {
  const [value, low, high] = BY[$(".by").value];
  for (const chip of chips.querySelectorAll(".chip")) {
    shadeChip(chip, Math.max(...tokensOf(chip).map((k) => value(tokens()[k]))));
    chip.classList.toggle("on", tokensOf(chip).includes(chosen));
  }
  $(".key").replaceChildren(...keyOf(low, high));
};
const text = () => {
  chips.replaceChildren(make("span", { class: "prompted" }, settings.prompt));
  for (const t of tokens()) addToken(chips, t.text);
  paint();
};
const showStatus = () => {
  const held = tokens().flatMap((t) => t.held).length;
  const speed =
    timing && timing.count > 1
      ? ` · ${Math.round(timing.count / timing.seconds)} tokens/s, the first after ${Math.max(1, Math.round(timing.first * 1000))} ms`
      : "";
  $(".state").textContent =
    !done && !timing
      ? "Queued …"
      : `${tokens().length} tokens${speed}${done ? "" : " …"}${held ? ` · at ${held} the filters would have left no token, so the likeliest was kept` : ""}`;
  $(".halt").disabled = done;
};
const surprise = () => tokens().reduce((least, t, k, all) => (t.p < all[least].p ? k : least), 0); // one to begin with
const choose = (k) => {
  chosen = k;
  paint();
  reveal();
  look();
};
// The chosen token is in view, in a text that is longer than its box.
const reveal = () => {
  const chip = chips.querySelector(".on");
  if (!chip) return;
  const low = chip.offsetTop + chip.offsetHeight - chips.clientHeight;
  chips.scrollTop = Math.max(low, Math.min(chips.scrollTop, chip.offsetTop));
};
chips.addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (!chip) return;
  choose(clicked(chip, chosen));
  comeIntoView($(".why"), "nearest");
});
chips.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !tokens().length) return;
  event.preventDefault();
  choose(Math.max(0, Math.min(tokens().length - 1, (chosen ?? -1) + step)));
});

// --- how one token came about ---
const look = latestOnly(async () => {
  const k = chosen;
  $(".why").hidden = k === null;
  if (k === null) return;
  const why = await askOfStage(server.inspect, {
    ...settings,
    filters: chainText(),
    kept: ids(k),
  });
  if (why && k === chosen) explain(why, k);
});
const per = (v) =>
  v >= 0.0995 ? `${Math.round(100 * v)} %` : v >= 0.001 ? `${(100 * v).toFixed(1)} %` : v > 0 ? "<0.1 %" : "–";
const explain = (why, k) => {
  const token = tokens()[k];
  if (!token) return;
  const same = why.token === token.id;
  vocab = why.vocab;
  const chip = [...chips.querySelectorAll(".chip")].find((other) => tokensOf(other).includes(k)),
    share = +chip.dataset.count > 1 ? `part ${k - +chip.dataset.at + 1} of ${chip.dataset.count} of ` : "",
    whole = tokensOf(chip)
      .map((i) => tokens()[i].text)
      .join("");
  $(".title").textContent = `Token ${k + 1}, ${share}“${(whole || "…").replace("\n", "↵").replace(" ", "␣")}”`;
  let from = 0;
  const pieces = why.bar.map(([name, end]) => {
    if (end - from < 5e-4) return null;
    const width = 100 * (end - from),
      taken = why.draw >= from && why.draw < end ? "taken" : "",
      span = make("span", { class: name ? taken : "rest" }, width > 2.5 ? name || "others" : "");
    span.style.width = `${width}%`;
    from = end;
    return span;
  });
  const mark = make("i");
  mark.style.left = `${100 * why.draw}%`;
  $(".cumulative").replaceChildren(...pieces.filter(Boolean), mark);
  const drawn = why.candidates.find((c) => c.id === why.token).text;
  $(".drawn").textContent =
    `What the filters left, likeliest first. Sampled u = ${why.draw.toFixed(4)}: “${drawn}”${same ? "." : token.hand ? ", but another token was chosen." : " with the filters as they are now; the text was written with others."}`;
  $(".entropies").textContent = `(entropy ${why.entropy.toFixed(2)} nat, after the filters ${why.after.toFixed(2)})`;
  $(".list").replaceChildren(
    ...why.candidates.map((c) => {
      const row = make("button", { type: "button", title: `Go on with “${c.text}”` }),
        bars = make("span", { class: "bars" });
      for (const v of [c.before, c.after]) {
        const bar = make("i");
        bar.style.width = `${100 * v}%`;
        bars.append(bar);
      }
      const name = make("span", { class: `name ${c.by ? "gone" : ""} ${c.id === token.id ? "was" : ""}` }, c.text);
      row.append(name, bars, make("span", { class: "per" }, c.by ? "removed" : per(c.after)));
      row.addEventListener("click", () => fork(k, c.id));
      return row;
    }),
  );
  let [p, entropy] = [why.p, why.entropy];
  const items = why.effects.map((e) => {
    const did = e.held
      ? "would have left none: the likeliest was kept"
      : e.removed
        ? `removed ${e.removed} of the tokens, ${per(e.mass)}: ${e.tokens.join(" ")}${e.removed > 8 ? " …" : ""}`
        : "removed none";
    const item = make("li", {}, `${e.title} ${did}`),
      [before, was] = [p, entropy];
    [p, entropy] = [e.p, e.entropy];
    const moved = `“${drawn}” ${per(before)} → ${per(p)}, entropy ${was.toFixed(2)} → ${entropy.toFixed(2)} nat`;
    item.append(make("span", { class: "num moved" }, moved));
    return item;
  });
  if (!items.length) items.push(make("li", {}, "No filters: the token was drawn from the model's own probabilities"));
  $(".effects").replaceChildren(...items);
  $(".left").textContent = `${why.left.toLocaleString("en")} of ${why.vocab.toLocaleString("en")} tokens were left.`;
};

// --- branches ---
// The choices that keep the first n tokens. Where the filters have changed since, each of these is a choice of its own.
const choicesBefore = (n, filters_) =>
  filters_ === settings.filters
    ? settings.choices.split(",").filter((pair) => pair && +pair.split(":")[0] < n)
    : ids(n).map((id, at) => `${at}:${id}`);
const fork = (k, id) => {
  if (!done || id === tokens()[k].id) return;
  const filters_ = chainText(),
    choices = [...choicesBefore(k, filters_), `${k}:${id}`].join(",");
  const length = Math.max(+$(".tokens").value, k + 2);
  send({ ...settings, filters: filters_, tokens: length, choices }, ids(k), { stem: current, chosen: k });
};
const tree = () => {
  $(".tree").hidden = branches.length < 2;
  if (branches.length < 2) return;
  const svg = $(".tree svg"),
    w = Math.max(240, svg.clientWidth || 600),
    longest = Math.max(...branches.map((b) => b.tokens.length), 1);
  const x = (n) => 8 + (n / longest) * (w - 100),
    y = (k) => 14 + 22 * k;
  svg.setAttribute("viewBox", `0 0 ${w} ${y(branches.length) - 4}`);
  svg.setAttribute("height", y(branches.length) - 4);
  svg.replaceChildren(
    ...branches.map((b, k) => {
      const group = makeSvg("g", { tabindex: 0, role: "button", "aria-label": `Branch ${k + 1}` }),
        end = x(b.tokens.length);
      const path = b.stem === null ? `M ${x(0)} ${y(k)} H ${end}` : `M ${x(b.from)} ${y(b.stem)} V ${y(k)} H ${end}`;
      const start = b.tokens
        .slice(b.from, b.from + 8)
        .map((t) => t.text)
        .join("")
        .replace(/\n/g, "↵");
      group.append(
        makeSvg("path", { d: path, stroke: colour(k === current ? "--accent" : "--noise") }),
        makeSvg("text", { x: Math.min(end, w - 90) + 6, y: y(k) + 4 }, start),
      );
      const open = () => {
        if (!done) return;
        current = k;
        settings = b.settings ?? settings;
        shows(settings);
        chosen = b.stem === null ? null : b.from;
        text();
        showStatus();
        tree();
        look();
      };
      group.addEventListener("click", open);
      group.addEventListener("keydown", (event) => {
        if (event.key === "Enter") open();
      });
      return group;
    }),
  );
};

// --- what Python sends ---
const begin = (value) => {
  const shared = tokens().slice(0, value.kept);
  if (!value.kept && next.stem === undefined) {
    branches = [{ stem: null, from: 0, tokens: [] }];
    current = 0;
  } else if (next.stem === undefined) branches[current].tokens = shared;
  else current = branches.push({ stem: next.stem, from: next.chosen, tokens: shared }) - 1;
  chosen = next.chosen ?? null;
  next = {};
  settings = value.settings;
  if (!value.run) mirror(settings);
  $(".why").hidden = chosen === null;
  text();
};
const read = () => {
  const value = props.value;
  if (value?.models) {
    knobs = value.knobs;
    fillModels(value.models);
  }
  if (!value?.new) return;
  if (value.template) templates.add(value.settings.model);
  if (value.begins) begin(value);
  if (props.known) offerChat();
  timing = value;
  done = value.done;
  value.new.forEach((t) => {
    tokens()[t.at] = t;
    addToken(chips, t.text);
  });
  $(".note").textContent = value.note;
  paint();
  if (!done) chips.scrollTop = chips.scrollHeight;
  if (done) finish(value.settings);
  else showStatus();
};
// What is saved is what is shown: also of a text that was ended before its last token.
const finish = (shown) => {
  done = true;
  next = {};
  settings = branches[current].settings = shown;
  shows(settings);
  showStatus();
  tree();
  if (tokens().length) choose(Math.min(chosen ?? surprise(), tokens().length - 1));
};
const over = () => {
  if (!tokens().length) $(".note").textContent = "";
  if (!done) finish(timing && tokens().length ? { ...settings, tokens: tokens().length } : settings);
};
$(".go").addEventListener("click", () => send(fieldSettings()));
$(".one").addEventListener("click", () => {
  if (!done) return;
  const n = tokens().length,
    wanted = fieldSettings(),
    other = ["prompt", "model", "chat"].some((name) => wanted[name] !== settings[name]);
  if (other || !n) send({ ...wanted, tokens: 1 }, [], { chosen: 0 });
  else {
    const choices = choicesBefore(n, wanted.filters).join(",");
    send({ ...wanted, seed: settings.seed, choices, tokens: n + 1 }, ids(n), { chosen: n });
  }
});
$(".prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(fieldSettings());
});
$(".halt").addEventListener("click", () => {
  stopRun();
  over();
});
$(".by").addEventListener("change", paint);
new ResizeObserver(tree).observe($(".tree"));
part.request = async (wanted) => {
  mirror(wanted);
  send(wanted);
};
watchRuns(read, over);
loadInitial(read);
// Models may have been fetched in the part Hub meanwhile.
window.addEventListener("genai-enter", async ({ detail }) => {
  if (detail !== part.id || props.known || !genai.part("text/hub").settings) return;
  const value = await ask(server.menus, {});
  if (value) fillModels(value.models);
});
