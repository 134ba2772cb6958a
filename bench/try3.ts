import { onTheWire } from "./wire/wire";
console.log(JSON.stringify(await onTheWire(), undefined, 1));
