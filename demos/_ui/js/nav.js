// The way to every technique: real links, which open their tab in this page. props.groups: [{title, tabs: [{id, title}]}]
const list = $(".groups"),
  menu = $(".menu");
const links = [];
const link = (id, title) => {
  const node = make("a", { href: id === "home" ? "./" : `?tab=${id}`, "data-id": id }, title);
  links.push(node);
  return node;
};
list.append(link("home", "Home"));
for (const { title, tabs } of props.groups) {
  const group = make("div"),
    heading = make("h2", {}, title);
  group.append(heading, ...tabs.map((tab) => link(tab.id, tab.title)));
  list.append(group);
}
const setOpen = (shown) => {
  list.classList.toggle("open", shown);
  menu.setAttribute("aria-expanded", String(shown));
};
menu.addEventListener("click", () => setOpen(!list.classList.contains("open")));
element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") setOpen(false);
});
element.addEventListener("click", (event) => {
  const target = event.target.closest("a[data-id]");
  if (!target || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return; // a new window is the browser's
  event.preventDefault();
  setOpen(false);
  genai.select(target.dataset.id);
});
const mark = () => {
  const id = (genai.current ?? "home").split("/")[0];
  for (const node of links) {
    if (node.dataset.id === id) node.setAttribute("aria-current", "page");
    else node.removeAttribute("aria-current");
    if (node.dataset.id === id) $(".here").textContent = node.textContent;
  }
};
window.addEventListener("genai-enter", mark);
mark();
