/** The ids of our commands, and what other plugins find them by. */
export const CommandIds = {
  open: 'codemad:open',
  newSession: 'codemad:new-session',
  stop: 'codemad:stop',
  timeline: 'codemad:timeline',
  context: 'codemad:context',
  verify: 'codemad:verify-notebook',
  explainCell: 'codemad:explain-cell',
  fixCell: 'codemad:fix-cell'
} as const;
