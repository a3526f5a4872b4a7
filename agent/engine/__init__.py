"""The only importer of the docker SDK: a Docker Engine behind `agent.ports.Engine`, and plans carried out."""
