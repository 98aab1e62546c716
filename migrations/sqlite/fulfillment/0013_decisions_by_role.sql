-- Decisions are kept by number in each role of a plug-in, and go together with those of the same request.
DROP INDEX plugin_decisions_latest;
CREATE INDEX plugin_decisions_latest ON plugin_decisions (center, plugin, role, sampled, id);
CREATE INDEX plugin_decisions_of_request ON plugin_decisions (center, request);
