// Speculative decoding. value: {run, settings, told, new: [{drafted: [text], tokens: [text], accepted}], seconds,
// plain: {seconds, alike (tokens that both texts begin with), tokens} or null}; or, towards Python, {ask: settings}.
let run = null, settings = null, passes = [];
const NUMBERS = ["k", "order", "temperature", "tokens", "seed"], DIALS = ["k", "order", "temperature"];
const asked = () => ({ prompt: $(".prompt").value, ...Object.fromEntries(NUMBERS.map((name) => [name, +$("." + name).value])) });
const told = () => { for (const name of DIALS) $(`.told-${name}`).textContent = $("." + name).value; };
const chips = $(".chips");
chips.setAttribute("aria-label", "The text, by who made each token"); chips.after(walkable(chips));

const marked = (text, kind, title) => { const chip = chipOf(text); chip.classList.add(kind); chip.title = title; return chip; };
const add = (pass) => {
  const box = make("span", { class: "pass" }), { drafted, tokens, accepted } = pass, number = `pass ${passes.push(pass)}`;
  tokens.slice(0, accepted).forEach((token) => box.append(marked(token, "drafted", `drafted and kept, ${number}`)));
  const lost = drafted.slice(accepted).map((token) => (token === "\n" ? "↵" : token)).join("");
  if (lost) box.append(make("span", { class: "refused", title: `drafted and refused, ${number}` }, lost));
  const why = !drafted.length ? `nothing was drafted for ${number}` : lost ? `the GPT's own instead of “${drafted[accepted]}”, ${number}` : `a bonus: nothing was refused, ${number}`;
  tokens.slice(accepted).forEach((token) => box.append(marked(token, !drafted.length ? "alone" : lost ? "own" : "bonus", why)));
  chips.append(box);
};
const upTo = (n) => {
  [...chips.querySelectorAll(".pass")].forEach((box, i) => { box.hidden = i >= n; });
  $(".at").max = Math.max(1, passes.length); $(".at").value = n; $(".which").textContent = `${n} of ${passes.length}`;
};
const figures = ({ seconds, plain }) => {
  const sum = (f) => passes.reduce((n, pass) => n + f(pass), 0), made = sum((p) => p.tokens.length), drafted = sum((p) => p.drafted.length), kept = sum((p) => p.accepted);
  const rows = [["tokens", made], ["passes of the GPT", passes.length], ["tokens a pass", (made / Math.max(1, passes.length)).toFixed(2)], ["drafts kept", drafted ? `${kept} of ${drafted}, ${Math.round((100 * kept) / drafted)} %` : "none drafted"]];
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
    + (times >= 1 ? `Drafts made it ${times.toFixed(1)} times as fast just now.` : `Drafts made it ${(1 / times).toFixed(1)} times slower just now.`);
};
const take = (message) => {
  if (run !== message.run) {
    run = message.run; settings = message.settings; passes = []; say("");
    chips.replaceChildren(make("span", { class: "prompted" }, settings.prompt));
    if (document.activeElement !== $(".prompt")) $(".prompt").value = settings.prompt;
    for (const name of NUMBERS) if (document.activeElement !== $("." + name)) $("." + name).value = settings[name];
    told();
  }
  message.new.forEach(add); upTo(passes.length); figures(message);
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
for (const name of NUMBERS) $("." + name).addEventListener("input", told);
keep($(".stage"), () => ({ tab: "text", part: "draft", ...asked() }), server.save, server.restore, (next) => { props.value = next; read(); });
watch("value", read); begin(read);
