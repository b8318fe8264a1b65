/** The ids of our commands, and what other plugins find them by. */
export const CommandIds = {
  open: 'codemad:open',
  newSession: 'codemad:new-session',
  stop: 'codemad:stop',
  explainCell: 'codemad:explain-cell',
  fixCell: 'codemad:fix-cell'
} as const;
