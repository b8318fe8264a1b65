/** The ids of our commands, and what other plugins find them by. */
export const CommandIds = {
  open: 'codemad:open',
  newSession: 'codemad:new-session',
  stop: 'codemad:stop',
  explainCell: 'codemad:explain-cell',
  fixCell: 'codemad:fix-cell',
  nextProposal: 'codemad:next-proposal',
  previousProposal: 'codemad:previous-proposal',
  acceptProposal: 'codemad:accept-proposal',
  runProposal: 'codemad:accept-and-run-proposal',
  rejectProposal: 'codemad:reject-proposal',
  tryProposal: 'codemad:try-proposal',
  acceptAll: 'codemad:accept-all-proposals',
  runAll: 'codemad:accept-and-run-all-proposals',
  rejectAll: 'codemad:reject-all-proposals',
  leaveProposals: 'codemad:back-to-notebook',
  openDiff: 'codemad:open-diff',
  askSelection: 'codemad:ask-about-selection',
  explainSelection: 'codemad:explain-selection',
  editSelection: 'codemad:edit-selection'
} as const;
