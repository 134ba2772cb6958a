// SPDX-License-Identifier: MIT
/** Every path of the HTTPS port, behind what keeps other sites' pages out. */
import { Hono } from "hono";
import type { ServiceContext } from "./api";
import { dpsErrorResponse, hubErrorResponse, ServiceError } from "./service-error";

/** What an app is made of. */
export interface AppOptions extends ServiceContext {
  /** Names that the port goes by, those of the services included, in lower case. */
  known: ReadonlySet<string>;
  /** Adds the routes. */
  routes: readonly ((app: Hono) => void)[];
}

/** The app. */
export function serviceApp(options: AppOptions): Hono {
  const { dps, known, now } = options;
  const refuse = (request: Request, error: ServiceError) => {
    const isDps = new URL(request.url).hostname === dps;
    return (isDps ? dpsErrorResponse : hubErrorResponse)(error, now());
  };
  // `/devices/` is what the SDK for Node.js lists.
  const app = new Hono({ strict: false });
  app.use(async ({ req }, next) => {
    // A page in a browser sends an Origin with what it posts, and the name it was loaded from as Host.
    const { hostname, host } = new URL(req.url);
    const origin = req.header("origin");
    if (origin !== undefined && origin !== `https://${host}`)
      return refuse(req.raw, new ServiceError("Forbidden", "a page of another site may not drive this"));
    if (!known.has(hostname))
      return refuse(
        req.raw,
        new ServiceError("Forbidden", `the Host header names none of ${[...known].join(", ")}`),
      );
    return next();
  });
  for (const route of options.routes) route(app);
  app.notFound(({ req }) =>
    refuse(
      req.raw,
      new ServiceError("ResourceNotFound", `${req.method} ${req.path} is not served; see emulator/README.md`),
    ),
  );
  app.onError((error, { req }) => {
    options.onProblem(error);
    return refuse(req.raw, new ServiceError("ServerError", "Internal server error"));
  });
  return app;
}
