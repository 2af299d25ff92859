// The lessons that there are. value: [{name, title, steps (how many)}]
for (const { name, title, steps } of props.value) {
  const link = make("a", { href: `#lesson=${name}&step=1` }, title);
  link.append(make("span", {}, `${steps} steps`));
  $(".lessons-links").append(link);
}
$(".lessons-links").append(
  make("a", { href: "#build" }, "Build a lesson"),
  make("a", { href: "#class" }, "Join a class"),
);
// Gradio's page has a base, from which a # would be another page.
$(".lessons-links").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  location.hash = link.hash;
});
