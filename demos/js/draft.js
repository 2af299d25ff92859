// Speculative decoding. value: {run, settings, told, new: [[text, kind, pass]] (kept, refused, own, bonus or alone: see
// demos/text/draft.py), seconds, plain: {seconds, alike (tokens that both texts begin with), tokens} or null}; or,
// towards Python, {ask: settings}.
let run = null, settings = null, passes = 0, counts = {};
const NUMBERS = ["k", "order", "temperature", "tokens", "seed"], DIALS = ["k", "order", "temperature"];
const asked = () => ({ prompt: $(".prompt").value, ...Object.fromEntries(NUMBERS.map((name) => [name, +$("." + name).value])) });
const told = () => { for (const name of DIALS) $(`.told-${name}`).textContent = $("." + name).value; };
const chips = $(".chips");
chips.setAttribute("aria-label", "The text, by who made each token"); chips.after(walkable(chips));

const WHY = { kept: "drafted and kept", own: "the GPT's own, instead of what was refused", bonus: "a bonus: no draft was refused", alone: "nothing was drafted" };
const add = ([text, kind, pass]) => {
  const box = chips.querySelector(".pass:last-of-type"), title = `pass ${pass}: ${WHY[kind] ?? "drafted and refused"}`;
  const into = pass === passes ? box : make("span", { class: "pass" });
  if (into !== box) chips.append(into);
  const chip = kind === "refused" ? make("span", {}, text === "\n" ? "↵" : text) : chipOf(text);
  chip.classList.add(kind); chip.title = title;
  chip.classList.toggle("tail", kind === "refused" && !!into.lastChild?.classList.contains("refused")); // idle after the first
  into.append(chip);
  passes = pass; counts[kind] = (counts[kind] ?? 0) + 1;
};
const upTo = (n) => {
  [...chips.querySelectorAll(".pass")].forEach((box, i) => { box.hidden = i >= n; });
  $(".at").max = Math.max(1, passes); $(".at").value = n; $(".which").textContent = `${n} of ${passes}`;
};
const figures = ({ seconds, plain }) => {
  const { kept = 0, refused = 0, own = 0, bonus = 0, alone = 0 } = counts, made = kept + own + bonus + alone, drafted = kept + refused;
  const rows = [["tokens", made], ["passes of the GPT", passes], ["tokens a pass", (made / Math.max(1, passes)).toFixed(2)], ["drafts kept", drafted ? `${kept} of ${drafted}, ${Math.round((100 * kept) / drafted)} %` : "none drafted"]];
  $(".figures").replaceChildren(...rows.map(([title, value]) => { const row = make("tr"); row.append(make("td", {}, title), make("td", { class: "num" }, String(value))); return row; }));
  $(".races").replaceChildren();
  if (!plain) { $(".verdict").textContent = "Writing…"; return; }
  const longest = Math.max(seconds, plain.seconds), ms = (s) => `${Math.round(1000 * s)} ms`;
  for (const [title, kind, time] of [["with drafts", "with", seconds], ["plain decoding, the same seed", "plain", plain.seconds]]) {
    const line = make("p"), bar = make("div", { class: kind });
    line.append(make("span", {}, title), make("span", { class: "num" }, ms(time))); bar.style.width = `${(100 * time) / longest}%`;
    $(".races").append(line, bar);
  }
  const same = plain.alike === made && made === plain.tokens, times = plain.seconds / Math.max(1e-9, seconds);
  $(".verdict").textContent = (same ? `Both texts are the same, all ${made} tokens of them. ` : `The texts part after ${plain.alike} tokens: there the draw fell so near to the end of a piece that rounding decided. `)
    + (times > 1.05 ? `Drafts made it ${times.toFixed(1)} times as fast just now.` : times > 0.95 ? "It took as long with drafts as without, just now." : `Drafts made it ${(1 / times).toFixed(1)} times slower just now.`);
};
const take = (message) => {
  if (run !== message.run) {
    run = message.run; settings = message.settings; passes = 0; counts = {}; say("");
    chips.replaceChildren(make("span", { class: "prompted" }, settings.prompt));
    if (document.activeElement !== $(".prompt")) $(".prompt").value = settings.prompt;
    for (const name of NUMBERS) if (document.activeElement !== $("." + name)) $("." + name).value = settings[name];
    told();
  }
  message.new.forEach(add); upTo(passes); figures(message);
  $(".note").textContent = message.told;
};
const read = () => {
  const value = props.value;
  if (value?.error) { say(value.error); return; }
  if (value?.new) take(value);
};
$(".go").addEventListener("click", () => { props.value = { ask: asked() }; trigger("submit"); });
$(".halt").addEventListener("click", () => { trigger("stop"); if ($(".verdict").textContent === "Writing…") $(".verdict").textContent = "Stopped."; });
$(".at").addEventListener("input", () => upTo(+$(".at").value));
$(".whole").addEventListener("change", () => chips.classList.toggle("drafts", $(".whole").checked));
for (const name of NUMBERS) $("." + name).addEventListener("input", told);
keep($(".stage"), () => ({ tab: "text", part: "draft", ...asked() }), server.save, server.restore, (next) => { props.value = next; read(); });
watch("value", read); begin(read);
