// Class similarity. value: {temperature, source, matrices: {name: 100 numbers}, models: {name: title}, classes, sources}
let value = null;
const ink = (t) => `rgb(${viridis(t)})`;
const asked = () => ({ temperature: +$(".t").value, source: $(".source").value });
const draw = () => {
  const { classes } = value, off = (m) => m.filter((_, k) => k % 11);
  const most = Math.max(...Object.values(value.matrices).flatMap(off));
  $(".maps").replaceChildren(...Object.entries(value.matrices).map(([name, m]) => {
    const box = make("div"), grid = make("div", { class: "grid", role: "img", "aria-label": `Mean soft labels of the ${value.models[name]}` });
    grid.append(make("span"), ...classes.map((c) => make("span", {}, c)));
    classes.forEach((c, row) => {
      grid.append(make("span", {}, c));
      classes.forEach((other, column) => {
        const square = make("i", { title: `of a ${c}: ${(100 * m[10 * row + column]).toFixed(2)} % to ${other}` });
        square.style.background = row === column ? "var(--well)" : ink(Math.sqrt(m[10 * row + column] / most));
        grid.append(square);
      });
    });
    box.append(make("h3", {}, value.models[name]), grid);
    return box;
  }));
  const [teacher] = Object.values(value.matrices), pairs = [];
  for (let a = 0; a < 10; a++) for (let b = a + 1; b < 10; b++) pairs.push([teacher[10 * a + b] + teacher[10 * b + a], a, b]);
  pairs.sort((p, q) => q[0] - p[0]);
  $(".note").textContent = `What the teacher finds most alike: ${pairs.slice(0, 3).map(([, a, b]) => `${classes[a]} and ${classes[b]}`).join(", then ")}.`;
};
const mirror = () => { $(".told").textContent = (+$(".t").value).toFixed(1); };
const show = () => {
  if (!props.value?.matrices) { say(props.value?.error ?? ""); return; }
  value = props.value;
  if (!$(".source").children.length) $(".source").replaceChildren(...value.sources.map((name) => make("option", { value: name }, name)));
  $(".source").value = value.source;
  if (document.activeElement !== $(".t")) $(".t").value = value.temperature;
  mirror(); draw();
};
const look = newest(async () => { const next = await ask(server.alike, asked()); if (next) { value = next; draw(); } });
$(".t").addEventListener("input", () => { mirror(); look(); });
$(".source").addEventListener("change", look);
keep($(".stage"), () => ({ tab: "distillation", part: "alike", ...asked() }), server.save, server.restore, (next) => { props.value = next; show(); });
watch("value", show); begin(show);
