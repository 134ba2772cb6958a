// SPDX-License-Identifier: MIT
// Runs inside XS as a script, before anything else. Each delivery of Node loads modules, as ES modules in one
// compartment, and may import one; the function that it exports by default is called, and takes over what Node
// delivers from then on when it returns a function.
(() => {
  const engine = /** @type {import("./globals").XsGlobals} */ (/** @type {unknown} */ (globalThis));
  /** @type {Map<string, string>} */
  const sources = new Map();
  /** @type {Map<string, string>} by referrer, newline, specifier */
  const resolutions = new Map();
  const decoder = new TextDecoder();

  const compartment = new engine.Compartment({
    globals: { TextDecoder, TextEncoder },
    resolveHook(specifier, referrer) {
      const resolved = resolutions.get(`${referrer}\n${specifier}`);
      if (resolved === undefined) throw new Error(`${referrer} imports ${specifier}, which was not sent`);
      return resolved;
    },
    loadNowHook(name) {
      const source = sources.get(name);
      if (source === undefined) throw new Error(`no module ${name}`);
      sources.delete(name);
      return { source: new engine.ModuleSource(source) };
    },
  });

  const { counter, gc, harden, mutabilities, petrify, print, resetMeter } = engine;
  /** @param {string} name */
  const importNow = (name) => compartment.importNow(name);
  const tools = { counter, gc, harden, importNow, mutabilities, petrify, print, resetMeter };

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes sent to Node
   * @returns {Uint8Array} its answer
   */
  const call = (bytes) => {
    const whole = bytes.byteLength === bytes.buffer.byteLength;
    return new Uint8Array(engine.issueCommand(whole ? bytes.buffer : bytes.slice().buffer));
  };

  engine.handleCommand = (buffer) => {
    const request = JSON.parse(decoder.decode(new Uint8Array(buffer)));
    for (const [name, source] of Object.entries(request.sources)) sources.set(name, source);
    for (const [key, name] of Object.entries(request.resolutions)) resolutions.set(key, name);
    if (request.entry === undefined) return undefined;
    const main = importNow(request.entry).default;
    if (typeof main !== "function") return undefined;
    const next = main(call, tools);
    if (typeof next === "function") {
      engine.handleCommand = (message) => next(new Uint8Array(message))?.buffer;
      return undefined;
    }
    return next?.buffer;
  };
})();
