// Says at the foot of the page how it came about, from the Server-Timing header of this very navigation.
const place = document.getElementById("how");
const [visit] = performance.getEntriesByType("navigation");

function show() {
  const timing = Object.fromEntries((visit.serverTiming ?? []).map((entry) => [entry.name, entry]));
  if (!timing.cache) return;
  const kind = timing.cache.description;
  const fromBrowser = visit.transferSize === 0;
  const [word, sentence, aside] = place.children;
  word.textContent = fromBrowser ? "browser" : kind;
  sentence.textContent = fromBrowser ? place.dataset.browser : `${place.dataset[kind]}, ${timing.total.duration.toFixed(1)} ms`;
  aside.textContent = timing.why && !fromBrowser ? timing.why.description : "";
  place.dataset.kind = kind;
  place.hidden = false;
}

if (place && visit) show();
