// SPDX-License-Identifier: MIT
/**
 * One AMQP 1.0 connection of a service: how it proves itself, its links, and the bounds of what it may hold.
 * Source: "IoT Hub support for AMQP" and "AMQP 1.0 in Azure Service Bus and Event Hubs" (Azure documents).
 */
import { TLSSocket } from "node:tls";
import type { Connection, Container, EventContext, Receiver, Sender } from "rhea";
import type { Caller } from "../../front-door";
import type { StoredPolicy } from "../../records";
import type { Right } from "../../rights";
import type { SettableClock } from "../../settable-clock";
import { Claims } from "./claims";
import { takeForDevice } from "./device-bound";
import { EncodingError, checkValues } from "./encoding";
import { type Readers, sendEvents } from "./event-sender";
import { LARGEST_FRAME } from "./frame-reader";
import { type AmqpHub, type Node, nodeOf, pathOf } from "./nodes";
import { Outlet } from "./outlet";
import { sendQueue } from "./queue-sender";
import { type Answer, answerClaim, answerManagement, encodeAnswer } from "./requests";
import rhea, {
  type AmqpError,
  type Answer as AttachAnswer,
  type CountedSender,
  type GuardedSession,
  type ReceivedMessage,
} from "./rhea";
import { AmqpSocket } from "./socket";

/** Bounds of a connection. */
const MOST_SESSIONS = 64;
const MOST_LINKS = 256;
/** Messages that a client may have under way on a link, and bytes of those whose end has not come. */
const CREDIT = 100;
const MOST_INCOMPLETE = 1024 * 1024;
/** Answers that wait for credit. */
const MOST_ANSWERS = 100;
/** Deliveries that one disposition may name: as many as a session keeps. */
const MOST_DISPOSED = 2048;
/** Milliseconds of silence that a peer may ask for. */
const SHORTEST_IDLE = 1000;
const LONGEST_IDLE = 600_000;
/** Ours, of which a peer uses half. */
const IDLE = 240_000;
/** The smallest frame that everyone has to take (AMQP 1.0, part 2). */
const SMALLEST_FRAME = 512;
/** A hub's feedback comes in batches of at most so many records. */
const LARGEST_BATCH = 64;
const SERVICE: readonly Right[] = ["ServiceConnect"];

/** What connections work with. */
export interface AmqpContext {
  hubs: ReadonlyMap<string, AmqpHub>;
  readers: Readers;
  policies(): readonly StoredPolicy[];
  clock: SettableClock;
  /** Milliseconds that a client may take until it has shown a token. */
  connectTimeout: number;
  /** The port that readers of events are sent to. */
  port(): number;
  /** A token was refused, or is not enough for what was asked for. */
  onRefused(host: string, path: string, reason: string): void;
  /** A connection ended before it was understood. */
  onStranger(address: string, reason: string): void;
  /** A failure of the emulator's own. */
  onProblem(error: Error): void;
}

/** Who has come in: by TLS, or by WebSocket with the name in `Host`. */
export type AmqpCaller = Caller & { host?: string };

interface OpenLink {
  node: Node;
  path: string;
  close(error: AmqpError): void;
  ended(): void;
  wake(): void;
}

/** Serves one connection. */
export class AmqpConnection {
  readonly socket: AmqpSocket;
  readonly #context: AmqpContext;
  readonly #caller: AmqpCaller;
  readonly #claims: Claims;
  readonly #links = new Map<Sender | Receiver, OpenLink>();
  /** Where answers go, oldest first. */
  readonly #answers = new Map<Sender, { kind: Node["kind"]; waiting: Buffer[]; outlet: Outlet }>();
  readonly #sessions = new Set<GuardedSession>();
  #connection!: Connection;
  #hub: AmqpHub | undefined;
  /** What the client calls the host, if that is another name. */
  #name = "";
  #opened = false;

  constructor(caller: AmqpCaller, context: AmqpContext) {
    this.#caller = caller;
    this.#context = context;
    this.socket = new AmqpSocket(caller.stream, caller.address);
    this.socket.setMaxListeners(0);
    this.#claims = new Claims({
      policies: context.policies,
      clock: context.clock,
      onExpired: () => this.#closeUnclaimed(),
    });
    const container = rhea.create_container({ id: "berth", credit_window: CREDIT, autoaccept: false });
    this.#listen(container);
    this.#offerSasl(container);
    this.#connection = container.create_connection({
      port: 0,
      reconnect: false,
      max_frame_size: LARGEST_FRAME,
      channel_max: MOST_SESSIONS - 1,
      idle_time_out: IDLE / 2,
    });
    const stopTimer = context.clock.schedule(() => {
      if (!this.#opened) this.socket.destroy("no open frame came in time");
      else if (this.#claims.empty) this.#end("amqp:unauthorized-access", "no token was put in time");
    }, context.connectTimeout);
    this.socket.once("closed", () => {
      stopTimer();
      this.#claims.clear();
      for (const { ended } of this.#links.values()) ended();
      this.#links.clear();
      if (!this.#opened)
        context.onStranger(
          caller.address,
          this.socket.reason ?? "the client closed the connection before it had opened AMQP",
        );
    });
    const guarded = this.#connection as unknown as {
      accept(socket: AmqpSocket): void;
      frame_size?: number;
      previous_input?: Buffer;
      socket_ready: boolean;
      heartbeat_in?: NodeJS.Timeout;
      heartbeat_out?: NodeJS.Timeout;
      abort_idle?: NodeJS.Timeout;
    };
    // It begins to wait for heartbeats again when it had something to say at the end.
    this.socket.once("closed", () => {
      guarded.socket_ready = false;
      for (const timer of [guarded.heartbeat_in, guarded.heartbeat_out, guarded.abort_idle])
        clearTimeout(timer);
    });
    guarded.accept(this.socket);
    this.socket.on("drain", () => {
      for (const { wake } of this.#links.values()) wake();
    });
    // It is given whole frames: when it waits for more, it takes a header for the size of a frame.
    this.socket.on("data", () => {
      if (guarded.frame_size !== undefined || guarded.previous_input)
        this.socket.destroy("a protocol header where none belongs");
    });
  }

  /** rhea's events; what is thrown while it handles them is the client's fault, or ours. */
  #listen(container: Container): void {
    const on = (name: string, handle: (context: EventContext) => void) =>
      container.on(name, (context: EventContext) => {
        try {
          handle(context);
        } catch (error) {
          this.#context.onProblem(error as Error);
          this.socket.destroy("the emulator failed");
        }
      });
    const ignore = () => {};
    on("connection_open", () => this.#open());
    on("session_open", ({ session }) => this.#guard(session as GuardedSession));
    on("session_close", ({ session }) => this.#forgetSession(session as GuardedSession));
    on("sender_open", ({ sender }) => this.#attach(sender!));
    on("receiver_open", ({ receiver }) => this.#attach(receiver!));
    on("sender_close", ({ sender }) => this.#forget(sender!));
    on("receiver_close", ({ receiver }) => this.#forget(receiver!));
    on("message", (context) => this.#receive(context));
    on("sender_flow", ({ sender }) => {
      this.#links.get(sender!)?.wake();
    });
    // A frame that rhea does not understand: the connection ends.
    on("protocol_error", (error) => this.socket.destroy((error as unknown as Error).message));
    on("error", (error) => this.socket.destroy((error as unknown as Error).message));
    for (const name of ["disconnected", "connection_close", "connection_error", "session_error"])
      on(name, ignore);
    for (const name of ["sender_error", "receiver_error"]) on(name, ignore);
  }

  #offerSasl(container: Container): void {
    const mechanisms = container.sasl_server_mechanisms;
    mechanisms.enable_anonymous();
    // What Azure calls SASL for those who put tokens.
    mechanisms.MSSBCBS = mechanisms.ANONYMOUS;
    mechanisms.enable_plain((user: unknown, password: unknown, hostname: unknown) => {
      const isGood = this.#signIn(String(user ?? ""), String(password ?? ""), String(hostname ?? ""));
      // The client hears the outcome first.
      if (!isGood) setImmediate(() => this.socket.end());
      return isGood;
    });
  }

  /**
   * SASL PLAIN: `{policy}@sas.root.{hub}` with a token at IoT Hub, a policy with its key at Event Hubs.
   * @returns false when it is refused
   */
  #signIn(user: string, password: string, hostname: string): boolean {
    const { hubs, onRefused } = this.#context;
    const [, policy, label] = /^([^@]+)@sas\.root\.(.+)$/i.exec(user) ?? [];
    const hub =
      label === undefined
        ? this.#hubOf(hostname)
        : [...hubs.values()].find(({ name }) => [name, name.split(".")[0]].includes(label.toLowerCase()));
    const refuse = (reason: string) => {
      onRefused(hub?.name ?? hostname, "SASL PLAIN", reason);
      return false;
    };
    if (!hub) return refuse("it names no hub of this emulator");
    if (policy === undefined)
      return this.#claims.putKey(user, password, hub.name) || refuse("it is no policy with its key");
    const reason = this.#claims.put(password, hub.name);
    return reason === undefined || refuse(reason);
  }

  #open(): void {
    const { hubs } = this.#context;
    this.#opened = true;
    const open = this.#connection as unknown as {
      hostname?: string;
      max_frame_size?: number;
      remote: { open: { idle_time_out?: number } };
    };
    if ((open.max_frame_size ?? LARGEST_FRAME) < SMALLEST_FRAME) {
      this.#end("amqp:frame-size-too-small", `max-frame-size is less than ${SMALLEST_FRAME}`);
      return;
    }
    const { idle_time_out: idle } = open.remote.open;
    if (typeof idle === "number" && idle > 0) {
      if (idle < SHORTEST_IDLE) {
        this.#end("amqp:not-allowed", `idle-time-out is less than ${SHORTEST_IDLE} ms`);
        return;
      }
      // Its own timers overflow where they may be longer than 24 days.
      open.remote.open.idle_time_out = Math.min(idle, LONGEST_IDLE);
    }
    this.#name = String(open.hostname ?? "").toLowerCase();
    this.#hub = this.#hubOf(this.#name);
    if (!this.#hub)
      this.#end("amqp:not-found", `there is no hub of this name; there are ${[...hubs.keys()].join(", ")}`);
  }

  /** By the name that AMQP, WebSocket or TLS has; any other name stands for the hub where there is one only. */
  #hubOf(name: string): AmqpHub | undefined {
    const { hubs } = this.#context;
    const { stream, host } = this.#caller;
    const asked = stream instanceof TLSSocket ? (stream as { servername?: unknown }).servername : undefined;
    const [only, ...others] = hubs.values();
    return (
      hubs.get(name.replace(/:\d+$/, "").toLowerCase()) ??
      hubs.get(host ?? "") ??
      hubs.get(typeof asked === "string" ? asked.toLowerCase() : "") ??
      (others.length === 0 ? only : undefined)
    );
  }

  /** Bounds that rhea does not keep. */
  #guard(session: GuardedSession): void {
    if (!this.#opened) {
      this.socket.destroy("a session before the open frame");
      return;
    }
    this.#sessions.add(session);
    if (this.#sessions.size > MOST_SESSIONS) {
      this.#end("amqp:resource-limit-exceeded", `a connection has at most ${MOST_SESSIONS} sessions`);
      return;
    }
    const { on_transfer, on_disposition, on_flow } = session;
    session.on_transfer = (frame) => {
      this.#checkTransfer(session, frame);
      on_transfer.call(session, frame);
    };
    session.on_disposition = (frame) => {
      const { first, last } = frame.performative;
      if (Number(last ?? first) - Number(first) > MOST_DISPOSED)
        throw new EncodingError(`a disposition of more than ${MOST_DISPOSED} deliveries`);
      on_disposition.call(session, frame);
    };
    session.on_flow = (frame) => {
      on_flow.call(session, frame);
      for (const [link, { wake }] of this.#links) if (link.session === session) wake();
    };
  }

  #checkTransfer(
    session: GuardedSession,
    { performative, payload }: Parameters<GuardedSession["on_transfer"]>[0],
  ) {
    const receiver = session.remote.handles[String(performative.handle)];
    if (!receiver?.is_receiver()) throw new EncodingError("a transfer on a link that does not receive");
    const begun = receiver._incomplete?.frames ?? [];
    if (begun.length === 0 && receiver.credit <= 0) throw new EncodingError("a transfer without credit");
    const parts = [...begun, payload ?? Buffer.alloc(0)].map((part) => part ?? Buffer.alloc(0));
    const all = [...this.#sessions].flatMap((one) => Object.values(one.remote.handles));
    const waiting = all.flatMap((link) => link?._incomplete?.frames ?? []);
    const size = [...waiting, payload].reduce((sum, part) => sum + (part?.length ?? 0), 0);
    if (size > MOST_INCOMPLETE) throw new EncodingError("a message that is too large");
    if (!performative.more) checkValues(Buffer.concat(parts));
  }

  #attach(link: Sender | Receiver): void {
    const hub = this.#hub;
    if (!hub) return;
    if (this.#links.size >= MOST_LINKS) {
      this.#end("amqp:resource-limit-exceeded", `a connection has at most ${MOST_LINKS} links`);
      return;
    }
    const isSender = link.is_sender();
    const terminus = isSender ? link.source : link.target;
    const address = terminus?.address;
    const node = typeof address === "string" && address.length <= 1024 ? nodeOf(address, hub) : undefined;
    const path = typeof address === "string" ? pathOf(address) : "/";
    const error = this.#refusal(node, path, isSender) ?? this.#serve(link, node!, path, hub);
    if (error) {
      link.close(error as Parameters<typeof link.close>[0]);
      return;
    }
    // As the client wrote them: it asked for no more than it gets.
    const { attach } = (link as unknown as AttachAnswer).local;
    const echo = (part: unknown) => (isTerminus(part) ? part.described() : undefined);
    attach.source = echo(link.source);
    attach.target = echo(link.target);
  }

  #refusal(node: Node | undefined, path: string, isSender: boolean): AmqpError | undefined {
    if (!node)
      return {
        condition: "amqp:not-found",
        description: `nothing is served at ${path.slice(0, 256)}; see emulator/README.md`,
      };
    const { kind } = node;
    if (kind === "cbs") return undefined;
    if (kind !== "management" && isSender === (kind === "deviceBound"))
      return {
        condition: "amqp:not-allowed",
        description: `this is no place to ${isSender ? "receive from" : "send to"}`,
      };
    const reason = this.#unclaimed(path);
    if (reason !== undefined) {
      this.#context.onRefused(this.#hub!.name, path, reason);
      return { condition: "amqp:unauthorized-access", description: `Unauthorized: ${reason}` };
    }
    if (kind !== "telemetry") return undefined;
    // Where SDKs of Event Hubs have to go; those of 2018 and samples follow.
    const { name, entity } = this.#hub!;
    const port = this.#context.port();
    const place = path.replace(/^\/messages\/events/i, entity);
    return {
      condition: "amqp:link:redirect",
      description: "events are read at the Event Hubs-compatible endpoint",
      info: { hostname: name, "network-host": name, port, address: `amqps://${name}:${port}/${place}` },
    };
  }

  #unclaimed(path: string): string | undefined {
    const { name, entity } = this.#hub!;
    const port = this.#context.port();
    const names = [name, this.#name].filter((one) => one !== "");
    const aliases = names.flatMap((one) => [one, `${one}:${port}`]);
    // SDKs put a token for the management of one Event Hub, and call it `$management` alone.
    const whole = path === "/$management" ? `/${entity}${path}` : path;
    return this.#claims.refusal({ host: name, aliases, path: whole, rights: SERVICE });
  }

  /** Begins to serve a link. */
  #serve(link: Sender | Receiver, node: Node, path: string, hub: AmqpHub): AmqpError | undefined {
    const begun = link.is_sender() ? this.#send(link as CountedSender, node, hub) : { wake() {}, close() {} };
    if ("condition" in begun) return begun;
    this.#links.set(link, {
      node,
      path,
      close: (error) => link.close(error as Parameters<typeof link.close>[0]),
      ended: begun.close,
      wake: begun.wake,
    });
    return undefined;
  }

  #send(sender: CountedSender, node: Node, hub: AmqpHub): { wake(): void; close(): void } | AmqpError {
    const { clock, readers } = this.#context;
    const now = () => clock.now();
    const { socket } = this;
    const userId = hub.name.split(".")[0] ?? "";
    switch (node.kind) {
      case "feedback":
        return sendQueue(sender, socket, hub.feedback, {
          batch: LARGEST_BATCH,
          contentType: "application/vnd.microsoft.iothub.feedback.json",
          to: "/messages/serviceBound/feedback",
          userId,
          now,
        });
      case "fileNotifications":
        return sendQueue(sender, socket, hub.fileNotifications, {
          batch: 1,
          contentType: "application/vnd.microsoft.iothub.filenotification.json",
          to: "/messages/serviceBound/filenotifications",
          userId,
          now,
        });
      case "events": {
        const partition = hub.log.partitions.find(({ id }) => id === node.partition);
        if (!partition)
          return {
            condition: "com.microsoft:argument-out-of-range",
            description: `the partitions are 0 to ${hub.log.partitions.length - 1}`,
          };
        // Lost events are read again by their offset, so nothing waits for a settlement.
        (sender as unknown as AttachAnswer).local.attach.snd_settle_mode = 1;
        return sendEvents(sender, socket, { partition, group: node.group, readers }, now);
      }
      default:
        return this.#sendAnswers(sender, node.kind);
    }
  }

  /** A link that answers of `$cbs` or `$management` go over. */
  #sendAnswers(sender: CountedSender, kind: Node["kind"]): { wake(): void; close(): void } {
    const waiting: Buffer[] = [];
    const outlet = new Outlet(sender, this.socket, () => {
      while (waiting.length > 0 && outlet.room > 0) outlet.send(waiting.shift()!);
      return waiting.length > 0;
    });
    (sender as unknown as AttachAnswer).local.attach.snd_settle_mode = 1;
    this.#answers.set(sender, { kind, waiting, outlet });
    return {
      wake: outlet.wake,
      close: () => {
        outlet.close();
        this.#answers.delete(sender);
      },
    };
  }

  #receive({ receiver, message, delivery }: EventContext): void {
    const link = this.#links.get(receiver!);
    const hub = this.#hub;
    // Closed already, while this was under way.
    if (!link || !hub || !message || !delivery) return;
    const received = message as ReceivedMessage;
    const { clock, onRefused, onProblem } = this.#context;
    const { kind } = link.node;
    if (kind === "deviceBound") {
      void takeForDevice(hub, received, delivery, clock.now(), onProblem);
      return;
    }
    delivery.accept();
    const answer =
      kind === "cbs"
        ? answerClaim(received, (token) => {
            const reason = this.#claims.put(token, hub.name);
            if (reason !== undefined) onRefused(hub.name, "$cbs", reason);
            return reason;
          })
        : answerManagement(received, hub);
    this.#answer(kind, received, answer);
  }

  #answer(kind: Node["kind"], request: ReceivedMessage, answer: Answer): void {
    const places = [...this.#answers].filter(([, place]) => place.kind === kind);
    const { reply_to: replyTo } = request;
    const named = places.find(([sender]) => sender.name === replyTo || sender.target?.address === replyTo);
    const [, place] = named ?? places.at(-1) ?? [];
    // Nobody listens.
    if (!place) return;
    if (place.waiting.length >= MOST_ANSWERS) {
      this.#end("amqp:resource-limit-exceeded", "answers wait for credit");
      return;
    }
    place.waiting.push(encodeAnswer(request, answer));
    place.outlet.wake();
  }

  /** A token has expired: what it was good for ends. */
  #closeUnclaimed(): void {
    for (const [, { node, path, close }] of this.#links) {
      if (node.kind === "cbs") continue;
      const reason = this.#unclaimed(path);
      if (reason === undefined) continue;
      this.#context.onRefused(this.#hub!.name, path, reason);
      close({ condition: "amqp:unauthorized-access", description: `Unauthorized: ${reason}` });
    }
  }

  #forget(link: Sender | Receiver): void {
    this.#links.get(link)?.ended();
    this.#links.delete(link);
  }

  #forgetSession(session: GuardedSession): void {
    this.#sessions.delete(session);
    for (const link of [...this.#links.keys()]) if (link.session === session) this.#forget(link);
  }

  /** Closes the connection with an error, and cuts it if the client does not. */
  #end(condition: string, description: string): void {
    this.#connection.close({ condition, description } as Parameters<Connection["close"]>[0]);
    // rhea writes the error in its next turn.
    setImmediate(() => this.socket.end());
  }
}

/** A client may leave one out. */
function isTerminus(part: unknown): part is { described(): unknown } {
  return typeof (part as { described?: unknown } | null)?.described === "function";
}
