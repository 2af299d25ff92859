"""From the press of a button to the first thing on the screen: diffusion's first picture, the first token of a text.

Beside a bare Gradio app whose button streams one word with no work behind it, in the same run: the floor.
"""

from benchmarks._common import browser, percentile, report, server

RUNS = 15

SCRIPT = """
async ([button, place]) => {
  const begun = performance.now();
  const seen = new Promise((done) => new MutationObserver((_, observer) => {
    observer.disconnect(); requestAnimationFrame(() => done(performance.now() - begun));
  }).observe(document.querySelector(place), { childList: true, characterData: true, subtree: true }));
  const named = (b) => b.textContent.trim() === button && b.offsetParent;
  [...document.querySelectorAll('button')].findLast(named).click(); // a tab may have the same name
  return await seen;
}
"""
# Until nothing has changed there for some time: the run is over, however long this machine took for it.
STILL = """
([place, ms]) => new Promise((done) => {
  let timer = setTimeout(done, ms);
  new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, ms); })
    .observe(document.querySelector(place), { childList: true, characterData: true, subtree: true });
})
"""
REST = 1000  # milliseconds without a change


def measure(page, button: str, place: str) -> dict:
    page.wait_for_timeout(3000)
    times = []
    for _ in range(RUNS):
        times.append(page.evaluate(SCRIPT, [button, place]))
        page.evaluate(STILL, [place, REST])
    return {"median ms": percentile(times, 0.5), "p95 ms": percentile(times, 0.95)}


def main() -> None:
    rows = []
    with browser() as chromium:
        with server("-m", "benchmarks.bare", "--stream") as url:
            page = chromium.new_page()
            page.goto(url)
            page.wait_for_selector(".word")
            rows.append({"what": "bare Gradio, one word", **measure(page, "Say", ".word")})
            page.close()
        with server("app.py") as url:
            page = chromium.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(f"{url}/?tab=diffusion&part=denoise&steps=50")
            page.wait_for_function("document.querySelector('.where')?.textContent.startsWith('step')")
            rows.append({"what": "diffusion, the first of 50 steps", **measure(page, "Sample", ".where")})
            page.goto(f"{url}/?tab=text&part=write&tokens=100")
            page.wait_for_selector(".chip")
            rows.append({"what": "GPT, the first of 100 tokens", **measure(page, "Write", ".chips")})
            page.close()
    report("first", rows, aim="diffusion's first picture within 200 ms")


if __name__ == "__main__":
    main()
