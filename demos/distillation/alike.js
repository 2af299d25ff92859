// Class similarity. value: {settings: {temperature, source}, matrices: {name: 100 numbers}, note, models: {name: title},
// classes, sources}
let value = null;
const ink = (t) => `rgb(${viridis(t)})`;
const asked = () => ({ temperature: +$(".t").value, source: $(".source").value });
const draw = () => {
  const { classes } = value,
    off = (m) => m.filter((_, k) => k % 11);
  const most = Math.max(...Object.values(value.matrices).flatMap(off));
  $(".maps").replaceChildren(
    ...Object.entries(value.matrices).map(([name, m]) => {
      const box = make("div"),
        grid = make("div", {
          class: "grid",
          role: "img",
          "aria-label": `Mean soft labels of the ${value.models[name]}`,
        });
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
    }),
  );
  $(".note").textContent = value.note;
};
const mirror = () => {
  $(".readout").textContent = (+$(".t").value).toFixed(1);
};
const show = () => {
  if (!props.value?.matrices) return;
  value = props.value;
  if (!$(".source").children.length)
    $(".source").replaceChildren(...value.sources.map((name) => make("option", { value: name }, name)));
  $(".source").value = value.settings.source;
  if (document.activeElement !== $(".t")) $(".t").value = value.settings.temperature;
  mirror();
  draw();
};
// What the fields say when they change: an answer to an earlier change fills them again.
const follow = latestOnly((settings) => part.request(settings));
const look = () => follow(asked());
$(".t").addEventListener("input", () => {
  mirror();
  look();
});
$(".source").addEventListener("change", look);
loadInitial(show);
