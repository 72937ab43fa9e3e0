"use strict";
(() => {
  const steps = [...document.querySelectorAll("article.step")];
  const links = [...document.querySelectorAll("#filmstrip a")];
  const strip = document.getElementById("filmstrip");
  const position = document.getElementById("position");
  const previous = document.getElementById("previous");
  const next = document.getElementById("next");
  let current = -1;
  let scrollsUntil = 0;

  function label(step) {
    const number = step.id.replace("step-", "");
    return number === "0" ? "Start" : `Step ${number}`;
  }

  function mark(index) {
    if (index === current || index < 0) return;
    current = index;
    const number = steps[index].id.replace("step-", "");
    steps.forEach((step, place) => step.classList.toggle("current", place === index));
    let first = null;
    for (const link of links) {
      const isHere = link.dataset.step === number;
      if (isHere) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
      if (isHere && first === null) first = link;
    }
    if (first !== null) {
      strip.scrollLeft = first.offsetLeft - strip.clientWidth / 2 + first.clientWidth / 2;
    }
    position.textContent = `${label(steps[index])} (${index + 1} of ${steps.length})`;
    previous.disabled = index === 0;
    next.disabled = index === steps.length - 1;
  }

  function go(index) {
    if (index < 0 || index >= steps.length) return;
    mark(index);
    scrollsUntil = performance.now() + 800;
    steps[index].scrollIntoView({ block: "start" });
    steps[index].focus({ preventScroll: true });
  }

  /* The step that the reader looks at: the last one that begins above a third of the window. */
  function nearest() {
    let found = 0;
    steps.forEach((step, index) => {
      if (step.getBoundingClientRect().top < window.innerHeight / 3) found = index;
    });
    return found;
  }

  if (steps.length > 0) {
    previous.addEventListener("click", () => go(current - 1));
    next.addEventListener("click", () => go(current + 1));
    for (const link of links) {
      link.addEventListener("click", (event) => {
        const index = steps.findIndex((step) => step.id === `step-${link.dataset.step}`);
        if (index < 0) return;
        event.preventDefault();
        go(index);
      });
    }
    document.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      event.preventDefault();
      const isAbove = current === 0 && performance.now() > scrollsUntil
        && steps[0].getBoundingClientRect().top > window.innerHeight / 3;
      if (event.key === "ArrowRight") go(isAbove ? 0 : current + 1);
      else go(current - 1);
    });
    let isWaiting = false;
    document.addEventListener("scroll", () => {
      /* A smooth scroll passes other steps on its way, and cannot bring the last one to the top. */
      if (isWaiting || performance.now() < scrollsUntil) return;
      isWaiting = true;
      requestAnimationFrame(() => { isWaiting = false; mark(nearest()); });
    }, { passive: true });
    window.addEventListener("beforeprint", () => {
      for (const details of document.querySelectorAll("details")) details.open = true;
    });
    mark(nearest());
  }
  document.documentElement.dataset.steps = String(steps.length);
})();
