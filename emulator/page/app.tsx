// SPDX-License-Identifier: MIT
/** The frame: which emulator, which view, and how the link stands. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { LifeView } from "./life/life-view";
import { hasAnswered, link } from "./link/feed";
import { health } from "./model/emulator";
import { route } from "./route";
import { type Theme, theme } from "./theme";

/** The views behind the first load what they need when they are opened. */
const VIEWS: readonly { path: string; name: string; view: () => Promise<ComponentType> | ComponentType }[] = [
  { path: "life", name: "Life", view: () => LifeView },
  {
    path: "devices",
    name: "Devices",
    view: async () => (await import("./devices/devices-view")).DevicesView,
  },
  {
    path: "enrollments",
    name: "Enrollments",
    view: async () => (await import("./enrollments/enrollments-view")).EnrollmentsView,
  },
  { path: "faults", name: "Faults", view: async () => (await import("./faults/faults-view")).FaultsView },
];

export function App() {
  const [path = "life"] = route.value;
  const current = VIEWS.find((one) => one.path === path) ?? VIEWS[0]!;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        To the content
      </button>
      <header class="bar">
        <h1>Berth</h1>
        <nav aria-label="Views">
          {VIEWS.map(({ path, name }) => (
            <a key={path} href={`#/${path}`} aria-current={path === current.path ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <span class="about faint">
          {health.value && `${health.value.idScope} · ${health.value.hubs.join(" · ")}`}
        </span>
        <LinkChip />
        <label class="theme">
          <span class="hidden">Colours</span>
          <select
            value={theme.value}
            onChange={(event) => {
              theme.value = event.currentTarget.value as Theme;
            }}
          >
            <option value="system">System</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
        </label>
      </header>
      <Trouble />
      <main id="main" tabIndex={-1} aria-label={current.name}>
        {hasAnswered.value ? (
          <Lazy key={current.path} load={current.view} />
        ) : (
          <p class="hint">No emulator has answered: nothing is known yet.</p>
        )}
      </main>
    </>
  );
}

function Lazy({ load }: { load: () => Promise<ComponentType> | ComponentType }) {
  const [View, set] = useState<ComponentType | undefined>(() => {
    const found = load();
    return found instanceof Promise ? undefined : found;
  });
  useEffect(() => {
    if (!View) void Promise.resolve(load()).then((found) => set(() => found));
  }, []);
  return View ? <View /> : <p class="hint">Loading.</p>;
}

const WORDS = {
  connecting: "connecting",
  live: "live",
  lost: "emulator is away",
  foreign: "another emulator",
  "no-token": "no session",
};

function LinkChip() {
  return (
    <span class={`chip link ${link.value === "live" ? "good" : "bad"}`} role="status">
      {WORDS[link.value]}
    </span>
  );
}

function Trouble() {
  switch (link.value) {
    case "lost":
      return (
        <p class="trouble" role="alert">
          The emulator does not answer: it has stopped, or starts again. This page looks for it, and goes on
          by itself; what is shown and typed stays.
        </p>
      );
    case "foreign":
      return (
        <p class="trouble" role="alert">
          Another emulator answers here, which does not know this session. Open the address that it has
          printed. (With --state it keeps the session over a restart.)
        </p>
      );
    case "no-token":
      return (
        <p class="trouble" role="alert">
          The address lacks the key of the session: open the whole address that berth printed, with what
          follows the #.
        </p>
      );
    default:
      return null;
  }
}
