// Whether any loop of this process is or was in debug mode. What costs something only in debug mode asks
// this first, where it knows no loop, or is called too often to ask one.

export const debugging = { isOn: false }
