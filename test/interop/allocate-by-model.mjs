// SPDX-License-Identifier: MIT
/** A custom allocation, as a configuration file names one: takes the first hub and tells what it was given. */
/** @type {import("../../emulator/configuration").CustomAllocation} */
export default ({ deviceRuntimeContext, linkedHubs }) => ({
  iotHubHostName: linkedHubs[0],
  payload: { sawModel: deviceRuntimeContext.payload?.modelId ?? null },
});
