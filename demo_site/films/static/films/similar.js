// Puts "You might also like" in place: a page of its own, for a list falls with each film and a film's page should not.
const waiting = document.getElementById("similar");

async function fill() {
  const answer = await fetch(waiting.querySelector("a").href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  waiting.replaceWith(page.getElementById("similar"));
}

if (waiting) fill().catch(() => {}); // the link stays
