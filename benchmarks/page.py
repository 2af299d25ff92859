"""What opening the page costs a visitor: first paint, until the main control answers, bytes, requests, cold and warm.

Beside a bare Gradio app with one button, in the same run. All of it comes from this machine, and is compressed.
"""

import argparse
import statistics

from benchmarks._common import browser, report, server

# Until a press of the main control has changed what is seen; milliseconds since the navigation.
ANSWERS = """
async ([control, seen]) => {
  const there = (selector) => [...document.querySelectorAll(selector)].find((node) => node.offsetParent);
  const shown = () => { const node = there(seen); return node && (node.getAttribute('src') ?? node.textContent); };
  while (!there(control) || shown() == null) await new Promise(requestAnimationFrame);
  const before = shown(), touched = there(control);
  let tries = 0;
  while (shown() === before) {
    if (tries++ % 60 === 0) { // once a second: what is on the screen may not listen yet
      if (touched.type === 'range') { touched.value = 3 - (tries % 2); touched.dispatchEvent(new Event('input')); }
      else touched.click();
    }
    await new Promise(requestAnimationFrame);
  }
  return performance.now();
}"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def visit(context, url: str, control: str, seen: str) -> dict:
    """One visit on a page of its own."""
    page = context.new_page()
    counted = {"requests": 0, "kB": 0.0}
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")

    def finished(event):
        counted["requests"] += 1
        counted["kB"] += event["encodedDataLength"] / 1000

    wire.on("Network.loadingFinished", finished)
    page.goto(url)
    answered = page.evaluate(ANSWERS, [control, seen])
    found = {"first paint ms": page.evaluate(PAINTED), "control answers ms": answered, **counted}
    page.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    apps = {
        "bare Gradio, one button": (("-m", "benchmarks.bare", "--stream"), "", "button.lg", ".word"),
        "this app, a link to the VAE's sliders": (("app.py",), "/?tab=vae&part=sliders", ".latent input", ".big"),
    }
    rows = []
    for name, (arguments, link, control, seen) in apps.items():
        with server(*arguments) as url, browser() as chromium:
            visits = {"cold": [], "warm": []}
            for _ in range(runs):
                context = chromium.new_context(viewport={"width": 1280, "height": 1000})
                for state in visits:  # the second visit of a browser finds its cache
                    visits[state].append(visit(context, url + link, control, seen))
                context.close()
            for state, found in visits.items():
                rows.append(
                    {"page": name, "cache": state} | {k: statistics.median(v[k] for v in found) for k in found[0]}
                )
    report("page", rows, aim="first paint under 1.8 s, the main control answers within 3.8 s (Lighthouse: good)")


if __name__ == "__main__":
    main()
