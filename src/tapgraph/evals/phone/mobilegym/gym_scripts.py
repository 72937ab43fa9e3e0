"""What MobileGym's page is asked and told, by the functions that it offers to scripts."""

__all__ = [
    "APPS",
    "BACK",
    "EVALUATE",
    "HOME",
    "IS_READY",
    "LOAD",
    "OPEN",
    "RECENTS",
    "RESET",
    "ROUTE",
    "SET_STATE",
    "STATE",
    "WARM",
]

IS_READY = """
return Boolean(window.__SIM__ && window.__SIM__.getState && window.__SIM_FS__
  && window.__OS__ && window.__OS__.openApp);
"""

ROUTE = """
const os = window.__OS__;
return (os && os.getAppRoute && os.getAppRoute()) || {};
"""
"""The app in front and its path; empty on the home screen."""

APPS = """
const shown = (window.__SIM__.getState().os || {}).installedApps || [];
const told = window.__SIM__.getMetadata ? window.__SIM__.getMetadata().apps : [];
const more = new Map(told.map((app) => [app.id, [app.displayName, app.displayNameEn]]));
return shown.map((app) => ({
  id: app.id,
  label: app.name,
  names: [app.id, app.packageName, ...(more.get(app.id) || [])].filter(Boolean),
}));
"""

LOAD = """
if (!window.__SIM__.waitForData) return "";
const loaded = window.__SIM__.waitForData(arguments[0] || undefined);
return loaded.then(() => "", (error) => String(error));
"""
"""Wait for the data of these apps, of all for null; why they do not come, empty where they do."""

STATE = """
return JSON.stringify(window.__SIM__.getState(), (name, value) => {
  if (value instanceof Node || value instanceof Window) return undefined;
  return value instanceof Error ? { name: value.name, message: value.message } : value;
});
"""

SET_STATE = """
window.__SIM__.setState(arguments[0], { deep: arguments[1], reload: arguments[2] });
"""

RESET = "return window.__SIM__.resetState();"

OPEN = "window.__OS__.openApp(arguments[0]);"

WARM = """
const [apps, pause] = arguments;
return (async () => {
  for (const app of apps) {
    window.__OS__.openApp(app);
    await new Promise((done) => setTimeout(done, pause));
  }
  window.__OS__.goHome();
})();
"""
"""Open some apps for so many milliseconds each, so that their states are there, and go home."""

BACK = "window.__OS__.handleBack();"

HOME = "window.__OS__.goHome();"

RECENTS = "window.__OS__.showRecents();"

EVALUATE = """
const found = (0, eval)(`(${arguments[0]})`);
return typeof found === "function" ? found(arguments[1]) : found;
"""
"""An expression or a function of a task, as Playwright's `page.evaluate` takes it."""
