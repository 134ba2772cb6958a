// SPDX-License-Identifier: MIT
/** Sends a service what waits in a queue: each message is settled by it, or comes again. */
import { randomUUID } from "node:crypto";
import type { Delivery, EventContext } from "rhea";
import type { Lease, ServiceQueue } from "../../hub/service-queue";
import { Outlet } from "./outlet";
import rhea, { type CountedSender, takeBack } from "./rhea";
import type { AmqpSocket } from "./socket";

/** Messages that one receiver may leave unsettled. */
const MOST_UNSETTLED = 16;

/** How values become a message. */
export interface QueueFormat {
  /** Values of one message. */
  batch: number;
  contentType: string;
  to: string;
  /** Of the hub, as Azure fills `user_id`. */
  userId: string;
  now(): number;
}

/** Serves a link; what it returns ends that. */
export function sendQueue<T>(
  sender: CountedSender,
  socket: AmqpSocket,
  queue: ServiceQueue<T>,
  format: QueueFormat,
): { wake(): void; close(): void } {
  const unsettled = new Map<Delivery, Lease<T>>();
  const outlet = new Outlet(sender, socket, () => {
    while (outlet.room > 0 && unsettled.size < MOST_UNSETTLED) {
      let delivery: Delivery | undefined;
      const lease = queue.take(format.batch, () => {
        // Its time is over: what the service says of it counts no more.
        if (!delivery) return;
        unsettled.delete(delivery);
        takeBack(delivery);
      });
      if (!lease) return false;
      delivery = outlet.send(encode(lease, format));
      unsettled.set(delivery, lease);
    }
    return queue.length > 0;
  });
  const settled = (how: "complete" | "abandon") => (context: EventContext) => {
    const lease = unsettled.get(context.delivery!);
    if (!lease) return;
    unsettled.delete(context.delivery!);
    context.delivery!.update(true);
    lease[how]();
    outlet.wake();
  };
  sender.on("accepted", settled("complete"));
  // The hub drops what a service rejects.
  sender.on("rejected", settled("complete"));
  sender.on("released", settled("abandon"));
  queue.takers.add(outlet.wake);
  return {
    wake: outlet.wake,
    close() {
      outlet.close();
      queue.takers.delete(outlet.wake);
      for (const lease of unsettled.values()) lease.abandon();
      unsettled.clear();
    },
  };
}

function encode<T>(lease: Lease<T>, { batch, contentType, to, userId, now }: QueueFormat): Buffer {
  const { values, deliveryCount } = lease;
  return rhea.message.encode({
    delivery_count: deliveryCount,
    message_id: randomUUID(),
    user_id: Buffer.from(userId),
    to,
    content_type: contentType,
    message_annotations: { "iothub-enqueuedtime": rhea.types.wrap_timestamp(now()) },
    body: rhea.message.data_section(Buffer.from(JSON.stringify(batch === 1 ? values[0] : values))),
  });
}
