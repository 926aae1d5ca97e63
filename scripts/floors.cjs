// The house: rooms (folders or single files of src/) by floors, the ground floor first. A file may import from its own room and from
// floors below; rooms of one floor do not import each other. Checked by `npm run boundaries`; ARCHITECTURE.md shows the same.
exports.FLOORS = [
  ['errors', 'home', 'json'],
  ['events', 'streams', 'time', 'units'],
  ['background', 'dag', 'image'],
  ['distribution', 'format'],
  ['engine', 'store'],
  ['catalogue'],
  ['publication', 'read'],
  ['names'],
  ['load', 'save'],
  ['copies', 'prune', 'publish', 'registry'],
  ['doctor', 'door', 'inspect', 'managed', 'output'],
  ['cli'],
]
