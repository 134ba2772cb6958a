// SPDX-License-Identifier: MIT
// ECDSA on P-256 for the SDK's compiler, in its own syntax for natives; natives.ts says what it does.

function ecGenerate(scalar, point) @ "xs_berth_ec_generate";
function ecSign(scalar, message, signature) @ "xs_berth_ec_sign";
function ecVerify(point, message, signature) @ "xs_berth_ec_verify";

export { ecGenerate, ecSign, ecVerify };
