// Writing. value: {run, settings {model, prompt, filters, seed, tokens}, kept, told, new: [{id, text, p, entropy, left,
// held, at}], done, made, seconds, first, models, knobs}; or, towards Python, {ask: {...settings, kept, chosen}}.
let settings = null, knobs = {}, vocab = 65, run = null, chosen = null, done = true, told = "", timing = null;
let branches = [], current = 0; // {stem (index of another, or null), from (tokens shared with it), tokens}
const chips = $(".chips"), stage = $(".stage");
const tokens = () => branches[current]?.tokens ?? [];
const ids = (n) => tokens().slice(0, n).map((t) => t.id);

// --- the settings ---
const asked = () => ({ model: $(".model").value, prompt: $(".prompt").value, filters: settings.filters, seed: +$(".seed").value, tokens: +$(".tokens").value });
const linked = () => ({ tab: "text", part: "write", ...asked(), filters: settings.filters.map(([name, v]) => `${name}=${+v.toFixed(4)}`).join(",") });
const send = (extra = {}) => {
  say(""); done = false; status();
  props.value = { ask: { ...asked(), ...extra } };
  trigger("submit");
};
const mirror = () => {
  $(".model").value = settings.model; $(".seed").value = settings.seed; $(".tokens").value = settings.tokens;
  if (document.activeElement !== $(".prompt")) $(".prompt").value = settings.prompt;
  chain();
};
const chain = () => {
  $(".chain").replaceChildren(...settings.filters.map(([name, value], k) => {
    const [title, low, high, step, , hint] = knobs[name], row = make("li", { title: hint });
    const number = make("span", { class: "value" }, String(+value.toFixed(2))), moves = make("span", { class: "moves" });
    const slider = make("input", { type: "range", min: low, max: high, step, "aria-label": title });
    slider.value = value;
    slider.addEventListener("input", () => { settings.filters[k][1] = +slider.value; number.textContent = String(+(+slider.value).toFixed(2)); look(); });
    const move = (text, label, act, off) => {
      const button = make("button", { type: "button", "aria-label": `${label} ${title}`, title: label }, text);
      button.disabled = off;
      button.addEventListener("click", () => { act(settings.filters); chain(); look(); });
      return button;
    };
    const swap = (a, b) => (list) => { [list[a], list[b]] = [list[b], list[a]]; };
    moves.append(move("▲", "Earlier:", swap(k, k - 1), k === 0), move("▼", "Later:", swap(k, k + 1), k === settings.filters.length - 1), move("✕", "Remove", (list) => list.splice(k, 1), false));
    const name_ = make("span", {}, title);
    row.append(name_, moves, slider, number);
    return row;
  }));
  const free = Object.keys(knobs).filter((name) => !settings.filters.some(([other]) => other === name));
  $(".add").replaceChildren(make("option", { value: "" }, "Add a filter …"), ...free.map((name) => make("option", { value: name }, knobs[name][0])));
  $(".add").hidden = !free.length;
};
$(".add").addEventListener("change", () => {
  const name = $(".add").value;
  if (name) { settings.filters.push([name, knobs[name][4]]); chain(); look(); }
});

// --- the text ---
const BY = {
  p: [(t) => -Math.log(Math.max(t.p, 1e-4)) / 6, "expected", "surprising: the model gave it little probability"],
  entropy: [(t) => t.entropy / Math.log(vocab), "the model was sure", "it could have been anything"],
  left: [(t) => Math.log(t.left) / Math.log(vocab), "one token was left", "all were"],
};
const paint = () => {
  const [value, low, high] = BY[$(".by").value];
  [...chips.querySelectorAll(".chip")].forEach((chip, k) => { if (tokens()[k]) shadeChip(chip, value(tokens()[k])); chip.classList.toggle("on", k === chosen); });
  $(".key").replaceChildren(...keyOf(low, high));
};
const text = () => {
  chips.replaceChildren(make("span", { class: "prompted" }, settings.prompt), ...tokens().map((t) => chipOf(t.text)));
  paint();
};
const status = () => {
  const held = tokens().flatMap((t) => t.held).length;
  const speed = timing && timing.made > 1 ? ` · ${Math.round(timing.made / timing.seconds)} tokens/s, the first after ${Math.max(1, Math.round(timing.first * 1000))} ms` : "";
  $(".state").textContent = !done && !timing ? "waiting for a free place …" : `${tokens().length} tokens${speed}${done ? "" : " …"}${held ? ` · at ${held} the filters left no token, and the likeliest stayed` : ""}`;
  $(".halt").disabled = done;
};
const surprise = () => tokens().reduce((least, t, k, all) => (t.p < all[least].p ? k : least), 0); // a place to begin
const choose = (k) => { chosen = k; paint(); look(); };
chips.addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (chip) choose([...chips.querySelectorAll(".chip")].indexOf(chip));
});
chips.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !tokens().length) return;
  event.preventDefault();
  choose(Math.max(0, Math.min(tokens().length - 1, (chosen ?? -1) + step)));
});

// --- how one token came about ---
const look = newest(async () => {
  const k = chosen;
  $(".why").hidden = k === null;
  if (k === null) return;
  const found = await ask(server.inspect, { ...asked(), prompt: settings.prompt, model: settings.model, seed: settings.seed, kept: ids(k) });
  if (found && k === chosen) explain(found, k);
});
const per = (v) => (v >= 0.0995 ? `${Math.round(100 * v)} %` : v >= 0.001 ? `${(100 * v).toFixed(1)} %` : v > 0 ? "<0.1 %" : "–");
const explain = (found, k) => {
  const token = tokens()[k], same = found.token === token.id;
  vocab = found.vocab;
  $(".title").textContent = `Token ${k + 1}, “${token.text.replace("\n", "↵").replace(" ", "␣")}”`;
  let from = 0;
  const pieces = found.bar.map(([name, end]) => {
    if (end - from < 5e-4) return null;
    const width = 100 * (end - from), span = make("span", { class: found.draw >= from && found.draw < end ? "taken" : "" }, width > 2.5 ? name : "");
    span.style.width = `${width}%`; from = end;
    return span;
  });
  const mark = make("i"); mark.style.left = `${100 * found.draw}%`;
  $(".cumulative").replaceChildren(...pieces.filter(Boolean), mark);
  const drawn = found.candidates.find((c) => c.id === found.token).text;
  $(".drawn").textContent = `All that was left, likeliest first. The dice fell on u = ${found.draw.toFixed(4)}: “${drawn}”${same ? "." : token.hand ? ", but you chose otherwise." : " with the filters as they stand now; the text was written with others."}`;
  $(".entropies").textContent = `(entropy ${found.entropy.toFixed(2)} nat, after the filters ${found.after.toFixed(2)})`;
  $(".list").replaceChildren(...found.candidates.map((c) => {
    const row = make("button", { type: "button", title: `Go on with “${c.text}”` }), bars = make("span", { class: "bars" });
    for (const v of [c.before, c.after]) { const bar = make("i"); bar.style.width = `${100 * v}%`; bars.append(bar); }
    const name = make("span", { class: `name ${c.by ? "gone" : ""} ${c.id === token.id ? "was" : ""}` }, c.text);
    row.append(name, bars, make("span", { class: "per" }, c.by ? "removed" : per(c.after)));
    row.addEventListener("click", () => fork(k, c.id));
    return row;
  }));
  const lines = found.effects.map((e) => `${e.title} ${e.held ? "would have left none: the likeliest was kept" : e.removed ? `removed ${e.removed} of the tokens, ${per(e.mass)}: ${e.tokens.join(" ")}${e.removed > 8 ? " …" : ""}` : "removed none"}`);
  if (!lines.length) lines.push("There is none: the model's own probabilities were drawn from");
  $(".effects").replaceChildren(...lines.map((line) => make("li", {}, line)));
  $(".left").textContent = `${found.left.toLocaleString("en")} of ${found.vocab.toLocaleString("en")} tokens were left.`;
};

// --- branches ---
const fork = (k, id) => {
  if (!done) return;
  $(".prompt").value = settings.prompt; $(".model").value = settings.model;
  if (id === tokens()[k].id) return;
  branches.push({ stem: current, from: k, tokens: tokens().slice(0, k) });
  current = branches.length - 1; chosen = k;
  $(".tokens").value = Math.max(+$(".tokens").value, k + 2);
  send({ kept: ids(k), chosen: id });
};
const tree = () => {
  $(".tree").hidden = branches.length < 2;
  if (branches.length < 2) return;
  const svg = $(".tree svg"), w = Math.max(240, svg.clientWidth || 600), longest = Math.max(...branches.map((b) => b.tokens.length), 1);
  const x = (n) => 8 + (n / longest) * (w - 100), y = (k) => 14 + 22 * k;
  svg.setAttribute("viewBox", `0 0 ${w} ${y(branches.length) - 4}`);
  svg.setAttribute("height", y(branches.length) - 4);
  svg.replaceChildren(...branches.map((b, k) => {
    const svgMake = (tag, attributes, content = "") => { const node = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [n, v] of Object.entries(attributes)) node.setAttribute(n, v); node.textContent = content; return node; };
    const group = svgMake("g", { tabindex: 0, role: "button", "aria-label": `Branch ${k + 1}` }), end = x(b.tokens.length);
    const way = b.stem === null ? `M ${x(0)} ${y(k)} H ${end}` : `M ${x(b.from)} ${y(b.stem)} V ${y(k)} H ${end}`;
    const start = b.tokens.slice(b.from, b.from + 8).map((t) => t.text).join("").replace(/\n/g, "↵");
    group.append(svgMake("path", { d: way, stroke: colour(k === current ? "--accent" : "--noise") }), svgMake("text", { x: Math.min(end, w - 90) + 6, y: y(k) + 4 }, start));
    const open = () => { if (!done) return; current = k; chosen = b.stem === null ? null : b.from; text(); status(); tree(); look(); };
    group.addEventListener("click", open);
    group.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
    return group;
  }));
};

// --- what Python sends ---
const read = () => {
  const value = props.value;
  if (value?.error) { say(value.error); return; }
  if (value?.models) {
    knobs = value.knobs;
    $(".model").replaceChildren(...Object.entries(value.models).map(([name, title]) => make("option", { value: name }, title)));
  }
  if (!value?.new) return;
  if (run !== value.run) {
    run = value.run; settings = JSON.parse(JSON.stringify(value.settings)); timing = null;
    const kept = tokens().slice(0, value.kept);
    if (!value.kept && !value.chosen) { branches = [{ stem: null, from: 0, tokens: [] }]; current = 0; chosen = null; $(".why").hidden = true; }
    else branches[current].tokens = kept;
    mirror(); text();
  }
  timing = value; done = value.done;
  value.new.forEach((t) => { tokens()[t.at] = { ...t, hand: branches[current].stem !== null && t.at === branches[current].from }; chips.append(chipOf(t.text)); });
  $(".note").textContent = value.told; paint(); status();
  if (done) { tree(); choose(chosen ?? surprise()); }
};
$(".go").addEventListener("click", () => send());
$(".one").addEventListener("click", () => {
  if (!done) return;
  const n = tokens().length, fresh = $(".prompt").value !== settings.prompt || $(".model").value !== settings.model;
  $(".tokens").value = fresh ? 1 : n + 1;
  send(fresh ? {} : { kept: ids(n) });
  chosen = fresh ? 0 : n;
});
$(".prompt").addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(); });
$(".halt").addEventListener("click", () => { trigger("stop"); done = true; status(); tree(); });
$(".by").addEventListener("change", paint);
new ResizeObserver(tree).observe($(".tree"));
keep(stage, linked, (chosen_) => server.save({ ...chosen_, made: ids(tokens().length) }), server.restore, (next) => { props.value = next; read(); });
watch("value", read); begin(read);
