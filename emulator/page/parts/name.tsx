// SPDX-License-Identifier: MIT
/** A name of JSON, `createdDateTimeUtc` or `properties.period`: where it is too long for its column it breaks between its words. */
import { Fragment } from "preact";

export function Name({ children }: { children: string }) {
  return children.split(/(?<=[a-z0-9])(?=[A-Z])|(?<=\.)/).map((word, at) => (
    <Fragment key={at}>
      {at > 0 && <wbr />}
      {word}
    </Fragment>
  ));
}
