// Runs before the first paint, so that a remembered choice does not flash. Without scripts the system decides.
(function () {
  "use strict";
  try {
    var chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (error) { /* storage is forbidden: the system decides */ }
})();
