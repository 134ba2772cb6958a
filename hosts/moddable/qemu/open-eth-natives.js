// SPDX-License-Identifier: MIT
// The C of berth_open_eth.c for the SDK's compiler, in its own syntax for natives; open-eth-natives.d.ts says what it does.

function start() @ "xs_berth_open_eth_start";
function stop() @ "xs_berth_open_eth_stop";
function linked() @ "xs_berth_open_eth_linked";
function address() @ "xs_berth_open_eth_address";

export { start, stop, linked, address };
